import { expect, test } from "vitest";
import { type CompiledProgram, compile } from "../../src/compile/compile.ts";
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
      // One test for all cases of an operation: thousands of tests would take longer than what they test.
      test(`${name}, ${lowering.kind} lowering, equals the reference`, async () => {
        const failed: string[] = [];
        for (const opCase of cases.filter(({ op }) => op.name === name)) {
          await checkCase(opCase, lowering).catch((error: Error) => failed.push(`${opCase.name}: ${error.message}`));
        }
        expect(failed).toEqual([]);
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

function isSameModel(one: CompiledProgram, other: CompiledProgram): boolean {
  return Buffer.compare(one.model, other.model) === 0;
}

async function checkCase(opCase: OpCase, lowering: Lowering): Promise<void> {
  const { op, inputs, y, isBlocked, bound } = opCase;
  const feeds = feedsOf(inputs);
  const program = programOf([y], feeds);
  const compiled = compile(program, lowering);
  // Most operations have no form of their own for GPUs, and then the standard lowering's test has run this very model.
  if (lowering.kind === "gpu" && isSameModel(compiled, compile(program, { kind: "standard" }))) return;
  const expected = referenceOf(opCase);
  const [received] = await runCompiled(compiled, feeds);
  expect(received).toBeWithin(expected, bound({ expected, inputs }));

  // A case that silently ran in the standard lowering does not test the blocked one, and vice versa.
  const blockedNodes = blockedNodesOf(compiled);
  if (lowering.kind !== "blocked") return expect(blockedNodes).toEqual([]);
  expect(blockedOperations(program, lowering.block).has(op.name), `${op.name} runs blocked`).toBe(isBlocked);
  if (isBlocked) expect(blockedNodes).not.toEqual([]);
}
