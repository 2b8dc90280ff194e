import { describe, expect, test } from "vitest";
import { compile, nextName } from "../../../src/compile/compile.ts";
import type { Lowering } from "../../../src/compile/program.ts";
import type { Value } from "../../../src/graph/value.ts";
import { inputName } from "../../../src/ops/leaves.ts";
import { nodeRuntime } from "../../../src/runtime/node/index.ts";
import { probeBlockSize } from "../../../src/runtime/node/ort.ts";
import { interpretProgram } from "../../support/onnx-interpreter/interpret-program.ts";
import { using } from "../golden-training.ts";
import { referenceOf, STEPS, type Step } from "./steps.ts";

/** @param tolerance relative to each tensor's largest element */
function expectSame(
  received: ReadonlyMap<string, ArrayLike<number>>,
  expected: ReadonlyMap<string, Float64Array>,
  tolerance: number,
) {
  expect([...received.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, values] of expected) {
    const largest = values.reduce((sofar, value) => Math.max(sofar, Math.abs(value)), 0);
    expect(received.get(name), name).toBeClose(values, { tolerance: tolerance * largest });
  }
}

/** Both sides compute in float64, but constants (momentum 0.1, 1 / count) are float32 in the model: a few roundings. */
const CONSTANT_ROUNDINGS = 16 * 2 ** -24;

describe.each([8, 16])("a training step in the blocked lowering at block %i, by the interpreter", (block) => {
  test.each(STEPS.map((step) => [step.name, step] as const))("%s", (_, step) => {
    const compiled = compile(step.program, { kind: "blocked", block });
    const { outputs, state } = interpretProgram(compiled, step.numbers, { block });
    const received = new Map([
      ...Object.entries(outputs),
      ...[...state].map(([name, data]) => [nextName(name), data] as const),
    ]);
    expectSame(received, referenceOf(step), CONSTANT_ROUNDINGS);
  });
});

test("the weights of 24 channels lie blocked with block 8, and with 16 as they are; optimizer state has its parameter's layout", () => {
  const layouts = (block: number) => {
    const { state } = compile(STEPS[0]!.program, { kind: "blocked", block });
    return Object.fromEntries(state.map(({ name, layout }) => [name, layout.name]));
  };
  expect(layouts(8)).toMatchObject({
    "conv1.weight": "output-weights/8",
    "conv2.weight": "weights/8",
    "conv2.weight.exp_avg": "weights/8",
    "conv3.weight.exp_avg_sq": "weights/8",
    "bn1.running_var": "canonical",
    "fc1.weight": "columns/8x4",
    "fc2.weight": "canonical",
  });
  expect(layouts(16)).toMatchObject({ "conv1.weight": "output-weights/16", "conv2.weight": "canonical" });
});

/** Float32 throughout: sums of up to some 2000 products, one behind the other through a dozen operations. */
const FLOAT32_STEP = 1e-5;

const block = await probeBlockSize();
const lowerings: Lowering[] = [
  { kind: "standard" },
  ...(block === undefined ? [] : [{ kind: "blocked" as const, block }]),
];

describe.each(lowerings)("a training step in the $kind lowering, by ONNX Runtime", (lowering) => {
  test.each(STEPS.map((step) => [step.name, step] as const))("%s", async (_, step) => {
    const { program, numbers } = step;
    const session = await nodeRuntime.open(compile(program, lowering), { threads: 2 });
    const received = await using(session, async () => {
      session.load(new Map(program.state.map(({ name }) => [name, Float32Array.from(numbers.get(name)!)])));
      const outputs = await session.run(
        Object.fromEntries(program.feeds.map((value) => [inputName(value), typed(value, numbers)])),
      );
      return new Map([
        ...Object.entries(outputs).map(([name, data]) => [name, data.slice()] as const),
        ...[...(await session.save())].map(([name, data]) => [nextName(name), data] as const),
      ]);
    });
    expectSame(received, referenceOf(step), FLOAT32_STEP);
  });
});

function typed(value: Value, numbers: Step["numbers"]) {
  const data = numbers.get(inputName(value))!;
  switch (value.dtype) {
    case "float32":
      return Float32Array.from(data);
    case "int32":
      return Int32Array.from(data);
    case "uint8":
      return Uint8Array.from(data);
    default:
      return value.dtype satisfies never;
  }
}
