import type { LoadedData } from "../data/sources/chain.ts";
import { type DataChoice, loadData } from "../data/sources/load-data.ts";
import { UserError } from "../errors.ts";
import { HttpError, sentence } from "./http-error.ts";

/**
 * The data that the server was started with, loaded when they are first asked for and then kept: predictions need none.
 *
 * @returns gives them; throws HttpError 503 when they cannot be loaded, and tries again at the next call
 */
export function sharedData(
  choice: DataChoice,
  { log, hidePaths }: { log: (line: string) => void; hidePaths: (message: string) => string },
): () => Promise<LoadedData> {
  let loading: Promise<LoadedData> | undefined;
  return () => {
    loading ??= loadData(choice, log).catch((error: unknown) => {
      loading = undefined;
      if (!(error instanceof UserError)) throw error;
      log(error.message);
      throw new HttpError(503, "no_data", sentence(`the data set cannot be loaded: ${hidePaths(error.message)}`));
    });
    return loading;
  };
}
