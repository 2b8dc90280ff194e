import { test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { constant } from "../../src/ops/constant.ts";
import { multiply } from "../../src/ops/multiply.ts";
import { channelSum } from "../../src/ops/channelSum.ts";
import { channelVariance } from "../../src/ops/channelVariance.ts";
import { channelDot } from "../../src/ops/channelDot.ts";
import { input, inputName } from "../../src/ops/input.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { imageBatch, normalised, build } from "../golden/inputs.ts";
import { golden } from "./golden.ts";
const block = await nodeRuntime.probeBlockSize();
test("bn", async () => {
  const x = input("x", [32, 1, 28, 28]);
  const w = input("w", [32, 1, 3, 3]);
  const y = conv2d(x, w, { padding: [1, 1] });
  const mean = multiply(channelSum(y), constant(1 / (32 * 784)));
  const variance = channelVariance(y, mean);
  const dot = channelDot(y, y);
  const outs = { y, mean, variance, dot };
  const data = { x: Float32Array.from(normalised(imageBatch(0).pixels)), w: Float32Array.from(build(golden.networks[1]!.parameters[0]!)) };
  const ref = evaluateReference(Object.values(outs), new Map([[x, data.x], [w, data.w]]));
  for (const lowering of [{ kind: "standard" } as const, { kind: "blocked", block: block! } as const]) {
    const s = await nodeRuntime.open(compile({ name: "t", feeds: [x, w], state: [], outputs: outs }, lowering), { threads: 2 });
    const r = await s.run(data);
    Object.keys(outs).forEach((k, i) => {
      let worst = 0;
      const rel: number[] = [];
      r[k]!.forEach((v, j) => rel.push(k === "y" ? v - ref[i]![j]! : v / ref[i]![j]! - 1));
      for (const v of rel) worst = Math.max(worst, Math.abs(v));
      console.log(lowering.kind, k, "worst", worst.toExponential(1), "rms", Math.sqrt(rel.reduce((a, b) => a + b * b, 0) / rel.length).toExponential(1));
    });
    await s.release();
  }
  console.log("mean^2/var", [...ref[1]!].map((m, i) => (m * m / ref[2]![i]!).toFixed(1)).join(" "));
});
