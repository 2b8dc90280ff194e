import { compile } from "../../../compile/compile.ts";
import { add } from "../../../ops/elementwise.ts";
import { input } from "../../../ops/leaves.ts";
import { gpuRuntime } from "./index.ts";

/** What a probing process found: that the GPU adds correctly, or why it does not. */
export type ProbeAnswer = { readonly isUsable: true } | { readonly error: string };

/** Child process of `probeGpu`: adds two numbers on the GPU and reports the result. */
const answer: ProbeAnswer = await addition().then(
  (sum) => (sum === 3 ? { isUsable: true } : { error: `it computes 1 + 2 = ${sum}` }),
  // The original error: whoever started this process words it.
  (error: unknown) => ({ error: String(error instanceof Error ? (error.cause ?? error) : error) }),
);
process.send?.(answer, () => process.exit(0));

async function addition(): Promise<number> {
  const [a, b] = [input("a", [1]), input("b", [1])];
  const program = { name: "addition", feeds: [a, b], state: [], outputs: { sum: add(a, b) } };
  const session = await gpuRuntime().open(compile(program, { kind: "gpu" }), { threads: 1 });
  return (await session.run({ a: Float32Array.of(1), b: Float32Array.of(2) })).sum![0]!;
}
