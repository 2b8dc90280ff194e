import { fork } from "node:child_process";
import type { InferenceBenchTask } from "../../bench/inference.ts";
import type { BenchResult, BenchTask } from "../../bench/training.ts";
import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { UserError } from "../../errors.ts";
import { MODELS } from "../../models/index.ts";
import { base, enhanced } from "../../models/study.ts";
import { packageFile } from "../../package-files.ts";
import { modelNamed } from "../../runs/node/recipe-file.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { count, megabytes, table } from "../../text.ts";
import { trainingStages } from "../../training/stages.ts";
import { defineCommand, type OptionSpec } from "../command.ts";
import { DATA_OPTION, DEVICE_OPTION, loweringOption, THREADS_OPTION } from "../common-options.ts";
import { chosenDevice } from "../device.ts";
import { frozenLayers } from "../fine-tuning.ts";
import { path, threads, wholeNumber } from "../parse.ts";
import { flag } from "../wording.ts";
import { benchGpuWork, benchRoofline } from "./bench-roofline.ts";

const BENCHES = ["train", "infer", "roofline"] as const;
/** The networks of the study. */
const DEFAULT_MODELS = [base, enhanced].map(({ name }) => name);
const DEFAULT_STEPS = 60;
const DEFAULT_BATCH_SIZE = 128;
const BENCH_DEVICE_OPTION = {
  ...DEVICE_OPTION,
  description: "what computes: cpu, or gpu through WebGPU (docs/gpu.md)",
  choices: ["cpu", "gpu"],
} as const satisfies OptionSpec;
/** The images that are measured on. */
const FASHION_MNIST_TASK = { channels: 1, height: 28, width: 28, classes: 10 };
const WORKER = packageFile("dist/bench/bench-worker.js");

export const bench = defineCommand({
  name: "bench",
  arguments: [
    {
      name: "<what>",
      description:
        "train: whole training steps, data preparation included; infer: calls of the model file, as evaluate; roofline: the share of the machine's multiply-add peak that training reaches, and where its time goes; with --device gpu the launches of kernels and the bytes of a step",
    },
  ],
  options: [
    {
      flags: "--models <names>",
      description: `comma-separated, of: ${MODELS.map(({ name }) => name).join(", ")}; or files that export a recipe`,
      default: DEFAULT_MODELS.join(","),
    },
    { flags: "--batch-size <n>", description: "images a step or call", default: String(DEFAULT_BATCH_SIZE) },
    THREADS_OPTION,
    { flags: "--steps <n>", description: "steps or calls to time, after 5 to warm up", default: String(DEFAULT_STEPS) },
    {
      flags: "--freeze <layers>",
      description:
        "of bench train: measure each network again with these layers frozen, by the beginnings of their names",
    },
    { flags: "--freeze-batch-norm", description: "with --freeze: batch norm uses its running statistics then" },
    BENCH_DEVICE_OPTION,
    loweringOption("how training computes the network"),
    DATA_OPTION,
  ],
  examples: [
    "node bin/tailor.js bench train",
    "node bin/tailor.js bench train --models base --threads 1 --json",
    "node bin/tailor.js bench train --models resnet18 --freeze conv1,bn1,layer1,layer2",
    "node bin/tailor.js bench infer --batch-size 1",
    "node bin/tailor.js bench roofline",
  ],
  async run([what], options, output) {
    const kind = BENCHES.find((bench) => bench === what);
    if (!kind) {
      throw new UserError(`there is no bench "${what}"; choose one of: ${BENCHES.join(", ")}`, { exitCode: 2 });
    }
    const typed = options.models?.split(",") ?? DEFAULT_MODELS;
    const models = typed.map((name) => name.trim());
    const fineTune = frozenTyped(kind, options);
    // Unknown ones, and layers that they do not have, are refused before the first is measured.
    for (const name of models) {
      const model = await modelNamed(name);
      if (fineTune) trainingStages({ model, epochs: 1, fineTune }, FASHION_MNIST_TASK);
    }
    if (kind === "infer" && options.lowering !== undefined) {
      throw new UserError("--lowering is for bench train; ONNX Runtime lowers a model file itself", { exitCode: 2 });
    }
    const device = options.device ?? "cpu";
    const opened = await chosenDevice(device, async () => 0, output);
    const chosen = await chooseLowering(opened.runtime, options.lowering);
    const how = {
      steps: wholeNumber(options, "steps", { least: 2 }) ?? DEFAULT_STEPS,
      batchSize: wholeNumber(options, "batchSize") ?? DEFAULT_BATCH_SIZE,
      threads: threads(options),
    };
    if (kind === "roofline") {
      const measure = chosen.kind === "gpu" ? benchGpuWork : benchRoofline;
      return measure({ ...how, models, lowering: chosen, data: path(options, "data") }, output);
    }
    const { folder } = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    const results: BenchResult[] = [];
    // Each in a separate process: peak memory is per process, and one model's heap does not affect the next.
    for (const model of models) {
      const task = { ...how, model, dataFolder: folder };
      if (kind === "infer") results.push(await inProcess({ kind, device, ...task }));
      else {
        const training = { kind, lowering: chosen, ...task };
        for (const one of fineTune ? [undefined, fineTune] : [undefined]) {
          results.push(await inProcess({ ...training, fineTune: one }));
        }
      }
    }
    const rows = results.map((result) => [
      result.frozen ? `${result.model} without ${result.frozen.join(", ")}` : result.model,
      result.device,
      result.lowering ?? "model file",
      String(result.threads),
      String(result.batchSize),
      count(result.imagesPerSecond),
      result.millisecondsPerStep.toFixed(2),
      megabytes(result.peakMemoryBytes),
    ]);
    const milliseconds = `ms a ${kind === "train" ? "step" : "call"} (median)`;
    const header = ["model", "device", "lowering", "threads", "batch", "images/s", milliseconds, "peak memory"];
    for (const line of table([header, ...rows], [0, 1, 2])) output.say(line);
    output.result({ results });
    return 0;
  },
});

/** The layers to freeze. @throws UserError for another bench than `train`, or without layers */
function frozenTyped(
  kind: (typeof BENCHES)[number],
  options: { readonly freeze: string | undefined; readonly freezeBatchNorm: true | undefined },
): BenchTask["fineTune"] {
  const given = (["freeze", "freezeBatchNorm"] as const).find((name) => options[name] !== undefined);
  if (given !== undefined && kind !== "train") {
    throw new UserError(`${flag(given)} is for bench train; leave it out`, { exitCode: 2 });
  }
  const { frozen, batchNorm } = frozenLayers(options);
  if (frozen === undefined && batchNorm !== undefined) {
    throw new UserError("--freeze-batch-norm goes with --freeze: name the layers that are frozen", { exitCode: 2 });
  }
  return frozen && { frozen, ...(batchNorm ? { batchNorm } : {}) };
}

function inProcess(task: BenchTask | InferenceBenchTask): Promise<BenchResult> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let answer: { result: BenchResult } | { error: string } | undefined;
    child.on("message", (message: { result: BenchResult } | { error: string }) => {
      answer = message;
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (answer && "result" in answer) resolve(answer.result);
      else
        reject(
          new UserError(
            `bench of ${task.model} failed: ${answer?.error ?? `its process ended with ${signal ?? code}`}`,
          ),
        );
    });
    child.send(task);
  });
}
