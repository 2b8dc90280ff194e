import type { Lowering } from "../compile/program.ts";
import type { LoadedData } from "../data/sources/chain.ts";
import { UserError } from "../errors.ts";
import type { Safetensors } from "../formats/safetensors.ts";
import type { RunRecord } from "../runs/run-record.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { TrainingPosition } from "./progress.ts";
import type { TrainingSnapshot } from "./train.ts";

/** A run's place in `state.safetensors`: numbers as JavaScript prints them, which reads back exactly. */
export function encodePosition({ step, seconds, epoch }: TrainingPosition): Record<string, string> {
  const numbers = {
    step,
    seconds,
    epochLossSum: epoch.lossSum,
    epochCorrect: epoch.correct,
    epochSteps: epoch.steps,
    epochSeconds: epoch.seconds,
  };
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}

/** @throws UserError when the state does not say where the run stood */
export function decodeSnapshot({ tensors, metadata }: Safetensors, fileName: string): TrainingSnapshot {
  const number = (name: string): number => {
    const text = metadata[name];
    const value = text === undefined || text === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value))
      throw new UserError(`${fileName}: "${name}" must be a number, found ${JSON.stringify(text)}; start the run over`);
    return value;
  };
  return {
    tensors: new Map(tensors.map(({ name, data }) => [name, data])),
    position: {
      step: number("step"),
      seconds: number("seconds"),
      epoch: {
        lossSum: number("epochLossSum"),
        correct: number("epochCorrect"),
        steps: number("epochSteps"),
        seconds: number("epochSeconds"),
      },
    },
  };
}

/**
 * Whether going on gives what an uninterrupted run would have given.
 *
 * @throws UserError that names the difference: always for other data, for another computation unless it is allowed
 */
export function checkResumable(
  path: string,
  record: RunRecord,
  now: { lowering: Lowering; runtime: Runtime; data: LoadedData; allowDifferent: boolean },
): void {
  const sums = (files: RunRecord["data"]["files"] | LoadedData["files"]) => files.map(({ sha256 }) => sha256).join(" ");
  if (sums(record.data.files) !== sums(now.data.files)) {
    throw new UserError(
      `${path} was trained on other data than ${now.data.folder} holds; give the run's own data with --data`,
    );
  }
  const block = now.lowering.kind === "blocked" ? now.lowering.block : null;
  const differences = [
    record.lowering === now.lowering.kind ? "" : `lowering ${record.lowering} then, ${now.lowering.kind} now`,
    record.lowering !== now.lowering.kind || record.blockSize === block
      ? ""
      : `block size ${record.blockSize} then, ${block} now`,
    record.versions.onnxruntime === now.runtime.version
      ? ""
      : `ONNX Runtime ${record.versions.onnxruntime} then, ${now.runtime.version} now`,
  ].filter((difference) => difference !== "");
  if (differences.length > 0 && !now.allowDifferent) {
    throw new UserError(
      `${path} would go on with another computation (${differences.join("; ")}), so the result would not be the uninterrupted run's; go on all the same with --allow-different`,
    );
  }
}
