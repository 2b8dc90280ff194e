/**
 * ONNX Runtime's WebAssembly build, which also runs in Node: what it computes, and that it is a Runtime like the native
 * one.
 */
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { inferenceModel } from "../../src/formats/inference-model.ts";
import { base, enhanced } from "../../src/models/study.ts";
import { relu } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openModel as openNative } from "../../src/runtime/node/open-model.ts";
import { openModel, webRuntime } from "../../src/runtime/web/index.ts";
import { networkOf } from "../exchange/support/networks.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { failureOf } from "../training/support/failure.ts";
import { smallJob, trainAndCompare } from "../training/support/jobs.ts";

const runtime = await webRuntime(1);

test("its version is that of the native build, and it has no blocked layout", async () => {
  expect(runtime.version).toBe(nodeRuntime.version);
  expect(await runtime.lowerings()).toEqual([{ kind: "standard" }]);
});

describe.each([
  { model: base, optimizer: { kind: "adam" } },
  ...(IS_THOROUGH ? [{ model: enhanced, optimizer: { kind: "muon" } } as const] : []),
] as const)("training $model.name with $optimizer.kind", (recipe) => {
  test("has the native build's losses to four decimals, after every epoch", async () => {
    const [native, web] = [
      await trainAndCompare(smallJob({ recipe })),
      await trainAndCompare(smallJob({ recipe, runtime })),
    ];
    expect(web.epochs).toHaveLength(3);
    for (const [i, epoch] of web.epochs.entries()) {
      expect(Math.abs(epoch.trainLoss - native.epochs[i]!.trainLoss)).toBeLessThan(5e-5);
      expect(Math.abs(epoch.validationLoss! - native.epochs[i]!.validationLoss!)).toBeLessThan(5e-5);
    }
  });
});

test("several steps per run, and stopping and resuming, give bitwise the same result", async () => {
  const whole = await trainAndCompare(smallJob({ runtime, stepsPerCall: 1 }));
  const together = await trainAndCompare(smallJob({ runtime, stepsPerCall: 3 }));
  expect(together.hash).toBe(whole.hash);
  expect(together.epochs).toEqual(whole.epochs);
  const half = await trainAndCompare(smallJob({ runtime, stepsPerCall: 1 }), { isStopRequested: () => true });
  expect(half.isFinished).toBe(false);
  const rest = await trainAndCompare(smallJob({ runtime, stepsPerCall: 1 }), {}, half.snapshot);
  expect(rest.hash).toBe(whole.hash);
});

test("between steps the thread handles messages", async () => {
  let steps = 0;
  let heardAfter: number | undefined;
  await trainAndCompare(smallJob({ runtime, stepsPerCall: 1 }), {
    onStep() {
      steps++;
      if (steps === 1) {
        setTimeout(() => {
          heardAfter = steps;
        }, 0);
      }
    },
  });
  expect(steps).toBe(7);
  expect(heardAfter).toBe(1);
});

describe("a session refuses", () => {
  const x = input("x", [2, 3]);
  const program = { name: "small", feeds: [x], state: [], outputs: { y: relu(x) } };
  const open = () => runtime.open(compile(program, { kind: "standard" }), { threads: 1 });

  test("the blocked lowering", async () => {
    const compiled = compile(program, { kind: "blocked", block: 16 });
    const error = await runtime.open(compiled, { threads: 1 }).catch((cause: Error) => cause);
    expect(error).toMatchObject({ message: "small: a browser runs the standard lowering" });
  });

  test("feeds of another size or type, with the native build's messages", async () => {
    const session = await open();
    const native = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
    for (const feeds of [{}, { x: new Float32Array(5) }, { x: new Uint8Array(6) }]) {
      const said = await session.run(feeds).catch((cause: Error) => cause.message);
      expect(said).toMatch(/^small: feed "x" needs 6 float32 elements, got/);
      expect(await native.run(feeds).catch((cause: Error) => cause.message)).toBe(said);
    }
    expect((await session.run({ x: Float32Array.of(-1, 2, -3, 4, -5, 6) })).y).toEqual(
      Float32Array.of(0, 2, 0, 4, 0, 6),
    );
    await session.release();
    await native.release();
  });

  test("several steps of a program without state", async () => {
    const session = await open();
    await expect(session.run({ x: new Float32Array(12) }, 2)).rejects.toThrow("small has no state");
    await session.release();
  });
});

describe("a model file", () => {
  const { tensors, ...network } = networkOf(base, { channels: 1, height: 28, width: 28, classes: 10 });
  const bytes = inferenceModel({ ...network, tensors: new Map(tensors.map(({ name, data }) => [name, data])) });
  const pixels = Uint8Array.from({ length: 3 * 784 }, (_, i) => (i * 37) % 256);

  test("gives the native build's logits and probabilities", async () => {
    const [web, native] = [
      await openModel(bytes, "model.onnx", { threads: 1 }),
      await openNative(bytes, "model.onnx", { threads: 1 }),
    ];
    expect(web.imageShape).toEqual(native.imageShape);
    expect(web.classes).toBe(10);
    const [logits, expected] = [await web.logits(pixels), await native.logits(pixels)];
    expect(logits).toHaveLength(30);
    const size = Math.max(...expected.map(Math.abs));
    for (const [i, logit] of logits.entries()) expect(Math.abs(logit - expected[i]!)).toBeLessThan(1e-5 * size);
    const probabilities = await web.probabilities(pixels);
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(3, 5);
    await web.release();
    await native.release();
  });

  test("that is invalid is refused by its name", async () => {
    const error = await failureOf(openModel(bytes.subarray(0, 1000), "some.onnx", { threads: 1 }));
    expect(error.message).toBe("some.onnx is not a model that ONNX Runtime can read; train or export it again");
  });
});
