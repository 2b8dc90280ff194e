/** The results included in tailor: `docs/results/*.json`, each the `run.json` of an evaluated run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "../../package-files.ts";
import { type Evaluation, type FinishedRunRecord, parseRunRecord } from "../run-record.ts";
import { explainFileError } from "./file-errors.ts";
import { listNames } from "./output-folder.ts";

const RESULTS_FOLDER = packageFile("docs/results/");

/** A finished run that was tested, without its folder. */
export interface CommittedResult {
  /** Its file, as named in the documentation. */
  readonly file: string;
  readonly record: FinishedRunRecord;
  readonly test: Evaluation;
}

/**
 * The committed results of a recipe, by seed.
 *
 * @throws UserError when a file is damaged or the folder cannot be read
 */
export function committedResults(recipeName: string): CommittedResult[] {
  return listNames(RESULTS_FOLDER)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => {
      const path = join(RESULTS_FOLDER, name);
      const record = parseRunRecord(readText(path), path);
      const test = record.evaluations?.test;
      const isWanted = record.status === "finished" && record.recipeName === recipeName && test !== undefined;
      return isWanted ? [{ file: `docs/results/${name}`, record, test }] : [];
    })
    .sort((a, b) => a.record.seed - b.record.seed);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}
