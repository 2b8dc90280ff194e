import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { Lowering } from "../../src/compile/program.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import type { OpCase } from "./op-case.ts";
import { blockedNodesOf, blockedOperations, CASE_BLOCK, lowerings, programOf, runCompiled } from "./run-program.ts";
import { feedsOf } from "./tensors.ts";
import "./within.ts";

/** Runs cases in every lowering of this machine and compares the results with the float64 reference. */
export function describeLowerings(family: string, makeCases: (block: number) => readonly OpCase[]): void {
  const cases = makeCases(CASE_BLOCK);
  test(`there are cases of ${family}`, () => expect(cases.length).toBeGreaterThan(0));
  for (const name of new Set(cases.map(({ op }) => op.name))) {
    for (const lowering of lowerings()) {
      describe(`${name}, ${lowering.kind} lowering, equals the reference`, () => {
        for (const opCase of cases.filter(({ op }) => op.name === name)) {
          test(opCase.name, () => checkCase(opCase, lowering));
        }
      });
    }
  }
}

/** The reference's result of each case, cached as it is slow and the same for every lowering. */
const references = new Map<OpCase, Float64Array>();

function referenceOf(opCase: OpCase): Float64Array {
  const known = references.get(opCase);
  if (known) return known;
  const [expected] = evaluateReference([opCase.y], feedsOf(opCase.inputs));
  references.set(opCase, expected!);
  return expected!;
}

async function checkCase(opCase: OpCase, lowering: Lowering): Promise<void> {
  const { op, inputs, y, isBlocked, bound } = opCase;
  const feeds = feedsOf(inputs);
  const program = programOf([y], feeds);
  const compiled = compile(program, lowering);
  const expected = referenceOf(opCase);
  const [received] = await runCompiled(compiled, feeds);
  expect(received).toBeWithin(expected, bound({ expected, inputs }));

  // A case that silently ran in the standard lowering does not test the blocked one, and vice versa.
  const blockedNodes = blockedNodesOf(compiled);
  if (lowering.kind !== "blocked") return expect(blockedNodes).toEqual([]);
  expect(blockedOperations(program, lowering.block).has(op.name), `${op.name} runs blocked`).toBe(isBlocked);
  if (isBlocked) expect(blockedNodes).not.toEqual([]);
}
