import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { loadFashionMnist } from "../../data/sources/fashion-mnist.ts";
import { UserError } from "../../errors.ts";
import { findModel, MODELS } from "../../models/index.ts";
import { count, megabytes, table } from "../../report/format.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { nodeRuntime } from "../../runtime/node/index.ts";
import type { BenchResult, BenchTask } from "../../training/bench-training.ts";
import type { Command } from "../command.ts";
import { choice, path, threads, wholeNumber } from "../parse.ts";
import { benchRoofline } from "./bench-roofline.ts";

const LOWERINGS = ["standard", "blocked"] as const;
const DEFAULT_STEPS = 60;
const DEFAULT_BATCH_SIZE = 128;
const WORKER = fileURLToPath(new URL("../bench-worker.js", import.meta.url));

export const bench: Command = {
  name: "bench",
  summary: "measure training speed and memory",
  arguments: [
    {
      name: "<what>",
      description:
        "train: whole training steps, data preparation included; roofline: the share of the machine's multiply-add peak that they reach, and where their time goes",
    },
  ],
  options: [
    {
      flags: "--models <names>",
      description: `comma-separated, of: ${MODELS.map(({ name }) => name).join(", ")}`,
      default: "all of them",
    },
    { flags: "--batch-size <n>", description: "images a step", default: String(DEFAULT_BATCH_SIZE) },
    { flags: "--threads <n>", description: "threads to compute with", default: "the processor's cores, at most 8" },
    { flags: "--steps <n>", description: "steps to time, after 5 to warm up", default: String(DEFAULT_STEPS) },
    {
      flags: "--lowering <kind>",
      description: "how the network is computed",
      choices: LOWERINGS,
      default: "blocked where the processor has it",
    },
    {
      flags: "--data <folder>",
      description: "a folder with the four IDX files",
      default: "Fashion-MNIST, fetched if need be",
    },
  ],
  examples: [
    "node bin/tailor.js bench train",
    "node bin/tailor.js bench train --models base --threads 1 --json",
    "node bin/tailor.js bench roofline",
  ],
  async run([what], options, output) {
    if (what !== "train" && what !== "roofline") {
      throw new UserError(`there is no bench "${what}"; choose: train, roofline`, { exitCode: 2 });
    }
    const typed = typeof options.models === "string" ? options.models.split(",") : MODELS.map(({ name }) => name);
    const models = typed.map((name) => findModel(name.trim()).name);
    const lowering = await chooseLowering(nodeRuntime, choice(options, "lowering", LOWERINGS));
    const steps = wholeNumber(options, "steps", { least: 2 }) ?? DEFAULT_STEPS;
    const batchSize = wholeNumber(options, "batchSize") ?? DEFAULT_BATCH_SIZE;
    const threadCount = threads(options);
    if (what === "roofline") {
      const task = { models, lowering, steps, batchSize, threads: threadCount, data: path(options, "data") };
      return benchRoofline(task, output);
    }
    const { folder } = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    const results: BenchResult[] = [];
    // Each in a process of its own: peak memory is a process's, and one model's heap does not weigh on the next.
    for (const model of models) {
      results.push(await inProcess({ model, lowering, steps, batchSize, threads: threadCount, dataFolder: folder }));
    }
    const rows = results.map((result) => [
      result.model,
      result.lowering,
      String(result.threads),
      String(result.batchSize),
      count(result.imagesPerSecond),
      result.millisecondsPerStep.toFixed(2),
      megabytes(result.peakMemoryBytes),
    ]);
    const header = ["model", "lowering", "threads", "batch", "images/s", "ms a step (median)", "peak memory"];
    for (const line of table([header, ...rows], [0, 1])) output.say(line);
    output.result({ results });
    return 0;
  },
};

function inProcess(task: BenchTask): Promise<BenchResult> {
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
