import { UserError } from "../errors.ts";
import type { PublishedFile } from "./fashion-mnist.ts";
import type { LoadedData } from "./node/chain.ts";

type NamedSum = Pick<PublishedFile, "name" | "sha256">;

/**
 * Compares data with the files that a run was trained on.
 *
 * @param files that the run was trained on
 * @returns the first file that only one of the two has, or whose checksum differs; undefined when all are the same
 */
export function differingFile(data: Pick<LoadedData, "files">, files: readonly NamedSum[]): string | undefined {
  return (firstMissing(files, data.files) ?? firstMissing(data.files, files))?.name;
}

/**
 * @param run its path, for the error message
 * @throws UserError when the data differs from what the run was trained on: names the first file that differs
 */
export function requireOwnData(
  run: string,
  data: Pick<LoadedData, "files" | "folder">,
  files: readonly NamedSum[],
): void {
  const other = differingFile(data, files);
  if (other === undefined) return;
  throw new UserError(
    (w) =>
      `${run} was trained on other data: ${other} in ${data.folder} has another checksum; give the run's own data with ${w.option("data")}`,
  );
}

/** The first of `files` that is not among `others` (name and checksum). */
function firstMissing(files: readonly NamedSum[], others: readonly NamedSum[]): NamedSum | undefined {
  return files.find(({ name, sha256 }) => !others.some((other) => other.name === name && other.sha256 === sha256));
}
