import { ApiError, postFile, postJson, remove } from "../api/client.ts";
import type { PictureClass } from "./own-data.ts";

/**
 * Sends pictures to the server, one after the other, to be trained on there.
 *
 * @param onSent called with the number of pictures sent so far, and of all
 * @returns the ID of the set
 * @throws ApiError that names the picture which the server refused; it then keeps none
 */
export async function sendPictures(
  classes: readonly PictureClass[],
  onSent: (count: number, total: number) => void,
): Promise<string> {
  const { id } = await postJson<{ id: string }>("/api/pictures", {});
  const pictures = classes.flatMap(({ name: of, pictures }) => pictures.map(({ name, file }) => ({ of, name, file })));
  const set = `/api/pictures/${encodeURIComponent(id)}`;
  try {
    for (const [i, { of, name, file }] of pictures.entries()) {
      await postFile(`${set}?class=${encodeURIComponent(of)}`, file).catch((error: unknown) => {
        throw error instanceof ApiError ? new ApiError(error.code, `${name}: ${error.message}`) : error;
      });
      onSent(i + 1, pictures.length);
    }
    return id;
  } catch (error) {
    // What was wrong is said; that the rest is not deleted either would hide it.
    await remove(set).catch(() => {});
    throw error;
  }
}
