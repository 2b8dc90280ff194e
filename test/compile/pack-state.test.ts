import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Program } from "../../src/compile/program.ts";
import { add, multiply } from "../../src/ops/elementwise.ts";
import { constant, input } from "../../src/ops/leaves.ts";
import { concat, reshape, slice } from "../../src/ops/reshape.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { using } from "../networks/golden-training.ts";

const [a, b, c] = [input("a", [2, 2]), input("b", [3]), input("c", [2])];
const by = input("by", []);
const sum = add(concat([reshape(a, [4]), b]), by);
const next = { a: reshape(slice(sum, 0, 4), [2, 2]), b: slice(sum, 4, 3), c: multiply(c, constant(2)) };

function programOf(state: Program["state"]): Program {
  return { name: "counting", feeds: [by], state, outputs: { total: add(a, a) } };
}

const counting = programOf([
  { name: "a", input: a, next: next.a },
  { name: "b", input: b, next: next.b },
  { name: "c", input: c, next: next.c },
]);

describe("in the GPU's lowering", () => {
  test("state that is updated as one vector is one vector", () => {
    const { state, operations } = compile(counting, { kind: "gpu" });
    expect(state.map(({ name, parts }) => parts?.map((part) => part.name) ?? name)).toEqual([["a", "b"], "c"]);
    expect(operations.map(({ kind }) => kind)).not.toContain("concat");
  });

  test("a session takes and gives the program's own tensors", async () => {
    const session = await nodeRuntime.open(compile(counting, { kind: "gpu" }), { threads: 1 });
    await using(session, async () => {
      session.load(
        new Map([
          ["a", Float32Array.of(1, 2, 3, 4)],
          ["b", Float32Array.of(5, 6, 7)],
          ["c", Float32Array.of(8, 9)],
        ]),
      );
      const { total } = await session.run({ by: Float32Array.of(1, 1) }, 2);
      expect(total).toEqual(Float32Array.of(2, 4, 6, 8, 4, 6, 8, 10));
      expect(await session.save()).toEqual(
        new Map([
          ["a", Float32Array.of(3, 4, 5, 6)],
          ["b", Float32Array.of(7, 8, 9)],
          ["c", Float32Array.of(32, 36)],
        ]),
      );
      expect(() => session.load(new Map([["a", Float32Array.of(1)]]))).toThrow('"a" needs 4 elements, got 1');
    });
  });

  test.each([
    ["parts are in another order", [next.b, next.a]],
    ["a part is missing", [next.a]],
  ])("state stays apart where %s", (_why, nexts) => {
    const names = new Map([
      [next.a, { name: "a", input: a }],
      [next.b, { name: "b", input: b }],
    ]);
    const state = nexts.map((value) => ({ ...names.get(value)!, next: value }));
    const rest = state.length === 1 ? [{ name: "b", input: b, next: b }] : [];
    expect(compile(programOf([...state, ...rest]), { kind: "gpu" }).state.every(({ parts }) => !parts)).toBe(true);
  });
});

test("other lowerings keep state as it is", () => {
  expect(compile(counting, { kind: "standard" }).state.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});
