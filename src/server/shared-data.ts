import type { LoadedData } from "../data/sources/chain.ts";
import { loadFashionMnist } from "../data/sources/fashion-mnist.ts";
import { UserError } from "../errors.ts";
import { HttpError } from "./http-error.ts";

/**
 * The data set, loaded when it is first asked for and then kept: predictions need none.
 *
 * @param folder with the four IDX files; undefined: Fashion-MNIST, wherever it is found
 * @returns gives it; throws HttpError 503 when it cannot be loaded, and tries again at the next call
 */
export function sharedData(folder: string | undefined, log: (line: string) => void): () => Promise<LoadedData> {
  let loading: Promise<LoadedData> | undefined;
  return () => {
    loading ??= loadFashionMnist({ folder, report: log }).catch((error: unknown) => {
      loading = undefined;
      if (!(error instanceof UserError)) throw error;
      log(error.message);
      throw new HttpError(503, "no_data", "The data set cannot be loaded; the server's log tells more.");
    });
    return loading;
  };
}
