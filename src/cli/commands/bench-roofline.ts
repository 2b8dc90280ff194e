import { type GpuWork, gpuWork } from "../../bench/gpu-work.ts";
import { type ModelRoofline, measureBandwidth, measurePeak, modelRoofline } from "../../bench/roofline.ts";
import { type BenchTask, benchJob } from "../../bench/training.ts";
import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { profileLines } from "../../report/profile-tables.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { nodeRuntime } from "../../runtime/node/index.ts";
import { counted, megabytes, percent, table } from "../../text.ts";
import type { Output } from "../output.ts";

type RooflineOptions = Omit<BenchTask, "kind" | "model" | "dataFolder"> & {
  readonly models: readonly string[];
  readonly data: string | undefined;
};

/**
 * `bench roofline`: the machine's multiply-add peak and memory bandwidth in the engine, and each network's training
 * relative to them. The limits are measured in the fastest available lowering, even if the networks run in another.
 */
export async function benchRoofline({ models, data, ...rest }: RooflineOptions, output: Output): Promise<number> {
  const { folder } = await loadFashionMnist({ folder: data, report: output.note });
  const engine = { runtime: nodeRuntime, lowering: await chooseLowering(nodeRuntime), threads: rest.threads };
  output.note("measuring the multiply-add peak and the memory bandwidth");
  const { tried, ...peak } = await measurePeak(engine);
  const bandwidth = await measureBandwidth(engine);
  output.say(
    `peak: ${peak.gflops.toFixed(0)} GFLOP/s (${peak.what}, ${counted(rest.threads, "thread")}; a multiply-add is 2 FLOP)`,
  );
  output.say(`memory: ${bandwidth.toFixed(1)} GB/s (c = c + b, bytes read and written)`);
  output.say(`below ${(peak.gflops / bandwidth).toFixed(0)} FLOP for each byte moved, memory is the limit`);
  const results: ModelRoofline[] = [];
  for (const model of models) {
    output.note(`${model}: timing ${rest.steps} steps, then profiling`);
    results.push(await modelRoofline({ ...rest, model, dataFolder: folder }, peak.gflops));
  }
  output.say("");
  for (const line of table([HEADER, ...results.map(summaryRow)])) output.say(line);
  for (const { model, profile } of results) {
    output.say("");
    const [first, ...lines] = profileLines(profile);
    for (const line of [`${model}: ${first}`, ...lines]) output.say(line);
  }
  output.result({
    threads: rest.threads,
    batchSize: rest.batchSize,
    lowering: rest.lowering.kind,
    peak: { ...peak, tried },
    bandwidth: { gigabytesPerSecond: bandwidth },
    models: results.map(({ profile: { steps, stepMilliseconds, ...profile }, ...result }) => ({
      ...result,
      profiledSteps: steps,
      profiledStepMilliseconds: stepMilliseconds,
      ...profile,
    })),
  });
  return 0;
}

/**
 * `bench roofline --device gpu`: what a step asks of the GPU, launches of kernels and bytes. They are the same on every
 * GPU, and by them steps of small networks are limited.
 */
export async function benchGpuWork({ models, data, ...rest }: RooflineOptions, output: Output): Promise<number> {
  const { folder } = await loadFashionMnist({ folder: data, report: output.note });
  const results: (GpuWork & { readonly model: string })[] = [];
  for (const model of models) {
    output.note(`${model}: two steps with the profiler`);
    const { runtime: _, ...job } = await benchJob({ ...rest, model, dataFolder: folder });
    results.push({ model, ...(await gpuWork(job)) });
  }
  const rows = results.map(({ model, launches, bytes, processorNodes }) => [
    ...[model, String(launches), megabytes(bytes), String(processorNodes)],
  ]);
  for (const line of table([["model", "launches a step", "moved a step", "nodes on the processor"], ...rows])) {
    output.say(line);
  }
  for (const { model, byKind } of results) {
    output.say("");
    const kinds = byKind.map(({ kind, launches, bytes }) => [kind, String(launches), megabytes(bytes)]);
    for (const line of table([[model, "launches", "moved"], ...kinds])) output.say(line);
  }
  output.result({ batchSize: rest.batchSize, lowering: rest.lowering.kind, models: results });
  return 0;
}

const HEADER = ["model", "ms a step (median)", "multiply-adds a step", "GFLOP/s", "share of peak"];

function summaryRow({ model, stepMilliseconds, gflops, shareOfPeak, profile }: ModelRoofline): string[] {
  const millions = `${(profile.multiplyAdds / 1e6).toFixed(0)} M`;
  return [model, stepMilliseconds.toFixed(2), millions, gflops.toFixed(0), percent(shareOfPeak, 0)];
}
