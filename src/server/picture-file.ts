import { UserError } from "../errors.ts";
import { HttpError, sentence } from "./http-error.ts";

/** The part of a form that holds the picture. */
const FIELD = "image";

/**
 * The picture file in a body: the body itself, or a form's field.
 *
 * @param type of the body, without parameters
 * @param contentType with them
 * @throws HttpError 415 when pictures do not come as this type, 400 when the form is broken or has no such field
 */
export async function pictureFile(
  bytes: Uint8Array<ArrayBuffer>,
  { type, contentType }: { type: string; contentType: string },
): Promise<Uint8Array> {
  if (type === "multipart/form-data") return fileOfForm(bytes, contentType);
  if (type.startsWith("image/") || type === "application/octet-stream") return bytes;
  throw new HttpError(
    415,
    "unsupported_media_type",
    `Send a picture as image/* or application/octet-stream, as the field "${FIELD}" of multipart/form-data, or pixels as application/json.`,
  );
}

async function fileOfForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Uint8Array> {
  const form = await new Response(bytes, { headers: { "content-type": contentType } }).formData().catch(() => {
    throw new HttpError(400, "broken_form", "The body is not whole multipart/form-data.");
  });
  const file = form.get(FIELD);
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  throw new HttpError(400, "no_image", `The form has no file in a field "${FIELD}".`);
}

/** What `decodeImage` and `prepareImage` refuse, as an answer. They name no path of a picture that came as bytes. */
export function badImage(error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new HttpError(400, "bad_image", sentence(error.message));
}
