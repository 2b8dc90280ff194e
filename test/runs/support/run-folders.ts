/** Run folders in the states in which they are found. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRunFolder, openRunFolder } from "../../../src/runs/node/run-folder.ts";
import { temporaryFolder } from "./helpers.ts";
import { finishedRecord, sampleMetrics, sampleRecord, sampleTensors } from "./samples.ts";

/** The name of a temporary file as a killed writer leaves it. */
export const TEMPORARY = ".state.safetensors.1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.tmp";

/** A run that was interrupted: with its record, and with a state if wanted. */
export function interrupted({ state }: { state: boolean }): string {
  const path = join(temporaryFolder(), "run");
  const folder = createRunFolder(path);
  folder.writeRecord(sampleRecord);
  folder.writeMetrics(sampleMetrics);
  if (state) folder.writeState(sampleTensors, { step: "1287", epoch: "3", seconds: "13.5" });
  folder.close();
  writeFileSync(join(path, TEMPORARY), "left by a kill");
  return path;
}

export function finished(): string {
  const path = interrupted({ state: true });
  const { folder } = openRunFolder(path);
  folder.writeWeights(sampleTensors);
  folder.writeModel(Uint8Array.of(8, 10));
  folder.writeRecord(finishedRecord);
  folder.close();
  return path;
}
