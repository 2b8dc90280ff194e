import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

/** Puts a folder where a run that is being trained writes its state: its training fails at the end of the epoch. */
export async function spoilState(run: string): Promise<void> {
  const state = join(run, "state.safetensors");
  const put = () => {
    rmSync(state, { force: true, recursive: true });
    mkdirSync(state);
  };
  // A state that is just being written may take the place first.
  await expect.poll(put).toBeUndefined();
}
