import { differingFile } from "../data/differing-file.ts";
import type { LoadedData } from "../data/node/chain.ts";
import { type DataChoice, loadData } from "../data/node/custom-data.ts";
import { UserError } from "../errors.ts";
import { whatIsAt } from "../runs/node/file-errors.ts";
import { loadRunData } from "../runs/node/run-data.ts";
import type { RunRecord } from "../runs/run-record.ts";
import { HttpError, sentence } from "./errors.ts";
import type { ServedRun } from "./run-catalog.ts";

/**
 * Maximum number of cached data sets besides the server's own; the least recently used one is dropped.
 */
const MAX_KEPT = 2;

/** Loads the data of runs. */
export interface DataOfRuns {
  /**
   * The server's own data if it is the run's, and else the run's from its original folder, or from the server's folder
   * if that no longer exists. For imported weights the data is unknown: they get that of the server's folder.
   *
   * @throws HttpError 409 when the data is missing or has changed, 503 when the server's own cannot be loaded
   */
  of(run: ServedRun): Promise<LoadedData>;
}

export function createDataOfRuns(
  { folder }: DataChoice,
  { shared, log }: { readonly shared: () => Promise<LoadedData>; readonly log: (line: string) => void },
): DataOfRuns {
  /** By the data set's key; least recently used first. */
  const kept = new Map<string, Promise<LoadedData>>();

  const loadOwn = async (run: ServedRun): Promise<LoadedData> => {
    const { id, record } = run;
    const place = record.status === "imported" ? undefined : record.data.folder;
    // Published data has no folder of its own: it is loaded from any source.
    const isPublished = record.status !== "imported" && record.data.verified && place === undefined;
    const isGone = !isPublished && (place === undefined || whatIsAt(place) === "nothing");
    try {
      return await loadRunData(run, { folder: isGone ? folder : undefined, report: log });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log(error.message);
      throw new HttpError(
        409,
        "no_data_of_run",
        `The data that ${id} was trained on are not there any more, or have changed. Put them back, or start the server with their folder as \`data\`; its log tells more.`,
      );
    }
  };

  return {
    async of(run) {
      const { record } = run;
      const isImported = record.status === "imported";
      if (isImported && folder === undefined) return shared();
      if (!isImported && (folder !== undefined || record.data.verified)) {
        const loaded = await shared();
        if (isDataOf(record, loaded)) return loaded;
      }
      const key = isImported ? `imported ${record.weightsSha256}` : keyOf(record);
      const loading = kept.get(key) ?? loadOwn(run);
      kept.delete(key);
      kept.set(key, loading);
      if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
      return loading.catch((error: unknown) => {
        if (kept.get(key) === loading) kept.delete(key);
        throw error;
      });
    },
  };
}

/**
 * Whether loaded data is a run's. Older records lack the images' size and preparation, which then follow from the
 * files.
 */
function isDataOf({ data: { files, image, preparation } }: RunRecord, loaded: LoadedData): boolean {
  const { channels, height, width } = loaded.train;
  return (
    differingFile(loaded, files) === undefined &&
    (!image || (image.channels === channels && image.height === height && image.width === width)) &&
    (!preparation || JSON.stringify(preparation) === JSON.stringify(loaded.preparation))
  );
}

/** A key that identifies a run's data set. */
function keyOf({ data: { files, image, preparation } }: RunRecord): string {
  return JSON.stringify([files.map(({ sha256 }) => sha256), image, preparation]);
}

/**
 * The server's data, loaded on first use and then cached; predictions do not need it.
 *
 * @returns a function that loads the data; it throws HttpError 503 on failure, and retries at the next call
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
