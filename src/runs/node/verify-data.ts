import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { mapConcurrently } from "../../data/concurrently.ts";
import type { PublishedFile } from "../../data/fashion-mnist.ts";
import type { Report } from "../../data/node/chain.ts";
import { checksumOf } from "../../data/node/checksum.ts";
import { loadCustomData } from "../../data/node/custom-data.ts";
import { atPlace } from "../../data/node/data-place.ts";
import { UserError } from "../../errors.ts";
import type { RunRecord } from "../run-record.ts";
import { dataOptions } from "./run-data.ts";
import { openTrainingRun, type Run, readSplit } from "./run-files.ts";
import { findRun, runsIn } from "./run-status.ts";

/** Number of files that are read at once. */
const AT_ONCE = 8;

/** How data compare with what a run was trained on. */
export interface DataVerification {
  /** The data. */
  readonly folder: string;
  /** The first run that was trained on them: its record has their checksums. */
  readonly run: string;
  readonly startedAt: string;
  /** Number of files that the run was trained on. */
  readonly files: number;
  /** Files whose content is another one, with the checksums of both. */
  readonly changed: readonly { readonly name: string; readonly sha256: string; readonly found: string }[];
  readonly missing: readonly string[];
  /** Files that were read and that the run does not know. Pictures that were added are not looked for. */
  readonly added: readonly string[];
}

/**
 * Compares data of one's own, file by file, with the checksums that were recorded at their first training.
 *
 * @param named the folder or file of the data
 * @param runs runs, or folders of runs, among which the first one trained on the data is looked for; a run that is named itself
 *   counts wherever its data were
 * @throws UserError when there is no such run, or the data cannot be read
 */
export async function verifyData(
  named: string,
  { runs, report = () => {} }: { runs: readonly string[]; report?: Report },
): Promise<DataVerification> {
  const { path: run, record } = firstRunOn(named, runs);
  const { found, expected } =
    record.data.source === "pictures"
      ? await pictureSums(named, { path: run, record }, report)
      : { expected: record.data.files, found: (await loadCustomData(named, dataOptions(record.data), report)).files };
  const sums = new Map(found.map(({ name, sha256 }) => [name, sha256]));
  const known = new Set(expected.map(({ name }) => name));
  return {
    folder: resolve(named),
    run,
    startedAt: record.startedAt,
    files: expected.length,
    changed: expected.flatMap(({ name, sha256 }) => {
      const now = sums.get(name);
      return now === undefined || now === sha256 ? [] : [{ name, sha256, found: now }];
    }),
    missing: expected.flatMap(({ name }) => (sums.has(name) ? [] : [name])),
    added: found.flatMap(({ name }) => (known.has(name) ? [] : [name])),
  };
}

function firstRunOn(named: string, places: readonly string[]): Run<RunRecord> {
  const place = resolve(named);
  const candidates = places.flatMap((path) =>
    findRun(path) === undefined ? runsOn(place, path) : [openTrainingRun(path)],
  );
  const [first] = candidates.sort((a, b) => Date.parse(a.record.startedAt) - Date.parse(b.record.startedAt));
  if (first) return first;
  throw new UserError(
    `no run in ${places.join(", ")} was trained on ${place}, so nothing is recorded to compare it with; name such a run, or train once`,
  );
}

/** The readable runs in a folder that were trained on these data. */
function runsOn(place: string, folder: string): Run<RunRecord>[] {
  return runsIn(folder).flatMap((run) => {
    if (run.status === "damaged" || run.record.status === "imported") return [];
    const { path, record } = run;
    return record.data.folder === place ? [{ path, record }] : [];
  });
}

/** Every picture by itself, where those of a run count as one file otherwise. */
function pictureSums(named: string, run: Run<RunRecord>, report: Report) {
  const expected = readSplit(run).pictures.map(
    ({ file, bytes, sha256 }): PublishedFile => ({ name: file, bytes, sha256 }),
  );
  return atPlace(named, report, async ({ folder }) => {
    const there = expected.filter(({ name }) => existsSync(join(folder, name)));
    const found = await mapConcurrently(there, AT_ONCE, async ({ name }) => ({
      ...(await checksumOf(join(folder, name))),
      name,
    }));
    return { expected, found };
  });
}
