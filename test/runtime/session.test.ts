import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Program } from "../../src/compile/program.ts";
import { add, multiply } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";

const x = input("x", [2]);
const state = input("sum", [2]);
const factor = input("factor", [2]);
const moved = add(state, multiply(x, factor));

/** Keeps the sum of factor * x over steps, and gives its double. */
const SUM: Program = {
  name: "sum",
  feeds: [x],
  parameters: [factor],
  state: [{ name: "sum", input: state, next: moved }],
  outputs: { double: add(moved, moved) },
};

async function open(program: Program) {
  const session = await nodeRuntime.open(compile(program, { kind: "standard" }), { threads: 1 });
  session.load(
    new Map([
      ["sum", Float32Array.of(10, 20)],
      ["factor", Float32Array.of(1, 2)],
    ]),
  );
  return session;
}

test("several steps in one run: state is passed from step to step, outputs are concatenated", async () => {
  const session = await open(SUM);
  const { double } = await session.run({ x: Float32Array.of(1, 1, 2, 2, 3, 3) }, 3);
  expect(double).toEqual(Float32Array.of(22, 44, 26, 52, 32, 64));
  expect(await session.save()).toEqual(new Map([["sum", Float32Array.of(16, 32)]]));
  // The next run goes on from there, and may be of another length.
  expect((await session.run({ x: Float32Array.of(4, 0) })).double).toEqual(Float32Array.of(40, 64));
  await session.release();
});

test("outputs of a run are not changed by the next one", async () => {
  const session = await open(SUM);
  const first = (await session.run({ x: Float32Array.of(1, 1) })).double!;
  await session.run({ x: Float32Array.of(5, 5) });
  expect(first).toEqual(Float32Array.of(22, 44));
  await session.release();
});

test.each([
  [
    "too few numbers for its steps",
    { x: Float32Array.of(1, 2) },
    2,
    'feed "x" needs 4 float32 elements, got 2 of Float32Array',
  ],
  ["none", {}, 1, 'feed "x" needs 2 float32 elements, got none'],
  ["another type", { x: Int32Array.of(1, 2) }, 1, 'feed "x" needs 2 float32 elements, got 2 of Int32Array'],
])("a feed that holds %s is refused", async (_, feeds, steps, message) => {
  const session = await open(SUM);
  await expect(session.run(feeds, steps)).rejects.toThrow(message);
  await session.release();
});

test("a program without state runs once at a time", async () => {
  const session = await open({ ...SUM, state: [], parameters: [factor, state], outputs: { moved } });
  expect((await session.run({ x: Float32Array.of(1, 1) })).moved).toEqual(Float32Array.of(11, 22));
  await expect(session.run({ x: Float32Array.of(1, 1, 2, 2) }, 2)).rejects.toThrow("has no state");
  await session.release();
});
