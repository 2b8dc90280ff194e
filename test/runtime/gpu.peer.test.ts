/**
 * The GPU's session on a real WebGPU device: SwiftShader of Debian's chromium, in processes of their own, as the
 * environment says where it is.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { RECIPES } from "../../src/recipes/index.ts";
import { needSoftwareGpu, SOFTWARE_GPU } from "../support/software-gpu.ts";
import { IS_THOROUGH } from "../support/thorough.ts";

const CHILD = fileURLToPath(new URL("support/gpu-child.js", import.meta.url));
beforeEach(needSoftwareGpu);

/** Runs a part of the child; its answers, and how it ended. */
function child<Answer>(part: string, ...given: string[]) {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [CHILD, part, ...given], {
    env: { ...process.env, ...SOFTWARE_GPU },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const answers = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Answer);
  return { answers, stderr, status, signal };
}

describe("traps", () => {
  test("a tensor that is too large for the GPU is said, with what to do", () => {
    const { answers, status } = child<{ message: string }>("outOfMemory");
    expect(answers).toEqual([
      {
        message: expect.stringMatching(
          /^the GPU does not have enough memory.* use a smaller `batchSize`, or `device` cpu$/,
        ),
      },
    ]);
    expect(status).toBe(0);
  });

  test("sessions that are asked at once run one after another, each with its own state", () => {
    const { answers, stderr } = child<number[]>("concurrent");
    expect(answers, stderr).toEqual([[10 * 9, 10 * 18]]);
  });

  // Once this fails, ONNX Runtime reads tensors back itself, and `read-back.ts` is no longer needed in Node.
  test("getData() of a tensor in the GPU's memory still ends the process, which is why a session reads them", () => {
    const { answers, signal } = child("getData");
    expect(answers).toEqual([{ location: "gpu-buffer" }]);
    expect(signal).toBe("SIGABRT");
  });
});

/** Networks whose step takes minutes in software; that none of their nodes falls back is refused by their sessions. */
const LARGE = ["resnet18", "resnet18-kefth", "resnet18-kefth-published"];

test("by ONNX Runtime's profile no node of a recipe's step or evaluation runs on the processor", () => {
  interface Step {
    readonly recipe: string;
    /** Its step has the operations of an earlier one, in the same order, and was not run again. */
    readonly isKnown?: true;
    readonly program: string;
    readonly loss: number;
    readonly launches: number;
    readonly processorNodes: unknown[];
  }
  const all = RECIPES.map(({ name }) => name).filter((name) => !LARGE.includes(name));
  // All take four minutes in software.
  const names = IS_THOROUGH ? all : ["base", "tiny"];
  const { answers, stderr } = child<Step>("steps", ...names);
  expect([...new Set(answers.map(({ recipe }) => recipe))].sort(), stderr).toEqual(names.toSorted());
  const run = answers.filter(({ isKnown }) => !isKnown);
  expect(run.length).toBeGreaterThanOrEqual(names.length / 2);
  for (const { recipe, program, loss, launches, processorNodes } of run) {
    expect(processorNodes, `${recipe}, ${program}`).toEqual([]);
    expect(launches, program).toBeGreaterThan(5);
    expect(Number.isFinite(loss), recipe).toBe(true);
  }
});
