import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../../src/compile/compile.ts";
import { evaluateReference } from "../../../src/graph/evaluate.ts";
import { inputName } from "../../../src/ops/leaves.ts";
import { activationCases } from "../../ops/cases/activations.ts";
import { arrangementCases } from "../../ops/cases/arrangements.ts";
import { channelCases } from "../../ops/cases/channels.ts";
import { convolutionCases } from "../../ops/cases/convolutions.ts";
import { depthwiseCases } from "../../ops/cases/depthwise.ts";
import { elementwiseCases } from "../../ops/cases/elementwise.ts";
import { generalConvolutionCases } from "../../ops/cases/general-convolutions.ts";
import { matrixCases } from "../../ops/cases/matrices.ts";
import { poolCases } from "../../ops/cases/pools.ts";
import { windowPoolCases } from "../../ops/cases/window-pools.ts";
import { interpretProgram } from "../../support/onnx-interpreter/interpret-program.ts";
import type { OpCase } from "../../support/op-case.ts";
import { blockedOperations, PROBED_BLOCK, programOf } from "../../support/run-program.ts";
import { feedsOf } from "../../support/tensors.ts";
import "../../support/within.ts";
import { IS_THOROUGH } from "../../support/thorough.ts";

/**
 * The block sizes of ONNX Runtime's processors: 8 with AVX2, AVX or SSE, 16 with AVX-512 (onnxruntime/core/mlas/lib/
 * platform.cpp). A machine has one of them; the interpreter emulates the other, and to test itself, the same.
 */
const BLOCKS = [8, 16].filter((block) => IS_THOROUGH || block !== PROBED_BLOCK);

const FAMILIES = [
  activationCases,
  arrangementCases,
  channelCases,
  convolutionCases,
  depthwiseCases,
  elementwiseCases,
  generalConvolutionCases,
  matrixCases,
  poolCases,
  windowPoolCases,
];

/** The cases of `test/ops`, which ONNX Runtime runs at this machine's block. */
function casesAt(block: number): OpCase[] {
  return FAMILIES.flatMap((family) => family(block));
}

/** All of an operation's cases, or the first ones and a share of the others. */
function sampled(cases: readonly OpCase[]): readonly OpCase[] {
  return IS_THOROUGH ? cases : cases.filter((_, i) => i < 5 || i % 4 === 0);
}

describe.each(BLOCKS)("the blocked lowering at block %i equals the reference", (block) => {
  const cases = casesAt(block);
  test.each([...new Set(cases.map(({ op }) => op.name))])("%s", (name) => {
    for (const { op, name: edge, inputs, y, isBlocked, bound } of sampled(cases.filter(({ op }) => op.name === name))) {
      const feeds = feedsOf(inputs);
      const program = programOf([y], feeds);
      expect(blockedOperations(program, block).has(op.name), `${edge}: whether it runs blocked`).toBe(isBlocked);
      const numbers = new Map([...feeds].map(([value, data]) => [inputName(value), data]));
      const { outputs } = interpretProgram(compile(program, { kind: "blocked", block }), numbers, { block });
      const [expected] = evaluateReference([y], feeds);
      expect(outputs.output0, edge).toBeWithin(expected!, bound({ expected: expected!, inputs }));
    }
  });
});

test("every operation with a blocked lowering has a case that runs blocked", async () => {
  const folder = new URL("../../../src/ops/", import.meta.url);
  const modules: Record<string, unknown>[] = await Promise.all(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((file) => import(new URL(file, folder).href) as Promise<Record<string, unknown>>),
  );
  const names = modules.flatMap((module) => Object.values(module).flatMap((exported) => blockedName(exported) ?? []));
  const tested = casesAt(8).filter(({ isBlocked }) => isBlocked);
  expect([...new Set(tested.map(({ op }) => op.name))].sort()).toEqual(names.sort());
});

/** The name of an exported operation, if it has a blocked lowering. */
function blockedName(exported: unknown): string | undefined {
  if (typeof exported !== "object" || exported === null) return undefined;
  if (!("lower" in exported) || !("name" in exported)) return undefined;
  const { lower, name } = exported;
  return typeof lower === "object" && lower !== null && "blocked" in lower ? String(name) : undefined;
}
