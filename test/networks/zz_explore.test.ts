import { test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { inputName } from "../../src/ops/input.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { norm, project, strided } from "../golden/inputs.ts";
import { evaluateGolden, golden, goldenFeeds, goldenTensors, gradientProgram, MODELS, trainGolden, using } from "./golden.ts";

const block = await nodeRuntime.probeBlockSize();
test("explore", async () => {
  for (const network of golden.networks) {
    for (const lowering of [{ kind: "standard" } as const, { kind: "blocked", block: block! } as const]) {
      const { program, graph } = gradientProgram(MODELS[network.name]);
      const session = await nodeRuntime.open(compile(program, lowering), { threads: 2 });
      const grads = await using(session, async () => {
        session.load(goldenTensors(network));
        return session.run(goldenFeeds(graph, 0));
      });
      network.firstStep.gradients.shared.forEach((g, i) => {
        const v = grads[`gradient of ${g.name}`]!;
        const rms = g.norm / Math.sqrt(v.length);
        const el = Math.max(...g.first.map((x, k) => Math.abs(x - v[k]!)), ...g.strided.map((x, k) => Math.abs(x - strided(v)[k]!))) / rms;
        console.log(network.name, lowering.kind, g.name, v.length, "norm", Math.abs(norm(v) / g.norm - 1).toExponential(1), "proj", (Math.abs(project(v, 1000 + i) - g.projection) / g.norm).toExponential(1), "el/rms", el.toExponential(1));
      });
      const t0 = performance.now();
      const t = await trainGolden(network, lowering, 2);
      for (const k of ["float64", "float32"] as const) {
        const gt = network.training[k];
        console.log(network.name, lowering.kind, k, "loss", t.objectives.map((l, i) => Math.abs(l - gt.losses[i]!).toExponential(0)).join(" "));
        console.log("params norm", Math.max(...gt.parameters.map((p) => Math.abs(norm(t.tensors.get(p.name)!) / p.norm - 1))), "proj", Math.max(...gt.parameters.map((p, i) => Math.abs(project(t.tensors.get(p.name)!, 1000 + i) - p.projection))));
        if (gt.statistics.length) console.log("stats norm", Math.max(...gt.statistics.map((p) => Math.abs(norm(t.tensors.get(p.name)!) / p.norm - 1))), "proj", Math.max(...gt.statistics.map((p, i) => Math.abs(project(t.tensors.get(p.name)!, 2000 + i) - p.projection))), "first", Math.max(...gt.statistics.flatMap((p) => p.first.map((x, k) => Math.abs(x - t.tensors.get(p.name)![k]!)))));
        const logits = await evaluateGolden(network, t.tensors, lowering);
        console.log("logits", Math.max(...gt.evaluationLogits.flat().map((x, i) => Math.abs(x - logits[i]!))));
      }
      console.log("unsmoothed", t.losses[0]! - network.firstStep.unsmoothedLoss, t.correct[0], network.firstStep.correct, "ms", performance.now() - t0);
    }
    if (network.name === "base") {
      const { program, graph } = gradientProgram(MODELS[network.name]);
      const t0 = performance.now();
      const feeds = new Map([...program.feeds, ...program.parameters!].map((v) => [v, { ...goldenFeeds(graph, 0), ...Object.fromEntries(goldenTensors(network)) }[inputName(v)]!]));
      const res = evaluateReference(Object.values(program.outputs), feeds);
      network.firstStep.gradients.shared.forEach((g, i) => {
        const v = res[i]!;
        console.log("ref", g.name, norm(v) / g.norm - 1, (project(v, 1000 + i) - g.projection) / g.norm);
      });
      console.log("ref ms", performance.now() - t0);
    }
  }
});
