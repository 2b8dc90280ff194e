/**
 * What training on this machine's GPU is worth: correctness, speed beside the processor and PyTorch's CUDA, where the time
 * goes, and the time to 94 % on Fashion-MNIST's test images. Needs the built project (dist) and nothing from the network.
 *
 *   node bench/gpu/run.js --out result.json [--data FOLDER] [--minutes 7] [--only PART,PART] [--tiny]
 *
 * Every part is a process of its own with a limit of its own, as a GPU's driver may end or hang a process; the result file is
 * written again after each. --data names a folder with Fashion-MNIST's four IDX files; without it images are made up, and the
 * time to 94 % is left out. --tiny makes everything small enough for a GPU that is a program.
 */
import { spawn } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { layersOf } from "../peers/networks.js";

const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: "gpu-result.json" },
    data: { type: "string" },
    minutes: { type: "string", default: "7" },
    only: { type: "string" },
    tiny: { type: "boolean", default: false },
  },
});

const PART = fileURLToPath(new URL("./part.js", import.meta.url));
const CUDA = fileURLToPath(new URL("./cuda.py", import.meta.url));
const { data, tiny } = options;
const NETWORKS = ["base", "enhanced", "resnet18"];
const BATCHES = tiny ? [4, 8] : [128, 1024];
const RECIPES = [
  "base",
  "enhanced",
  "tiny",
  "base-long",
  "enhanced-long",
  "base-seed",
  "enhanced-seed",
  "enhanced-vflip",
];
const threads = cpus().length;

/** The most telling parts first: time may run out. A part's seconds end it, whatever it is doing. */
const PARTS = [
  node("environment", { part: "environment" }, 40),
  ...RECIPES.slice(0, 2).map(losses),
  ...BATCHES.flatMap((batch) => NETWORKS.map((network) => speed("gpu", network, batch))),
  ...BATCHES.flatMap((batch) => NETWORKS.map((network) => speed("cpu", network, batch))),
  ...(data && !tiny ? [node("to94 enhanced", { part: "to94", recipe: "enhanced", accuracy: 0.94 }, 60)] : []),
  cuda(),
  ...BATCHES.flatMap((batch) => NETWORKS.map((network) => profile(network, batch))),
  ...RECIPES.slice(2).map(losses),
  ...variants("base"),
  ...variants("enhanced"),
];

function losses(recipe) {
  const [steps, batch] = tiny ? [3, 4] : [20, undefined];
  return node(`losses ${recipe}`, { part: "losses", recipe, steps, batch }, tiny ? 600 : 60);
}

function speed(device, network, batch, provider = {}) {
  const task = { part: "speed", device, network, batch, provider, seconds: tiny ? 1 : 3 };
  return node(`speed ${device} ${network} ${batch}`, task, tiny ? 600 : 40);
}

/** Settings of ONNX Runtime's WebGPU provider that may be faster than its own. */
function variants(network) {
  return [
    variant("NCHW", network, { preferredLayout: "NCHW" }),
    variant("unvalidated", network, { validationMode: "disabled" }),
    variant("exact buffers", network, { storageBufferCacheMode: "simple" }),
    variant("64 dispatches a submission", network, { pendingDispatches: "64" }),
    variant("256 dispatches a submission", network, { pendingDispatches: "256" }),
  ];
}

function variant(name, network, provider) {
  return { ...speed("gpu", network, BATCHES[0], provider), name: `variant ${name} ${network}` };
}

function profile(network, batch) {
  return node(`profile ${network} ${batch}`, { part: "profile", network, batch, steps: tiny ? 1 : 8 }, tiny ? 600 : 40);
}

function node(name, task, seconds) {
  return { name, seconds, command: [process.execPath, PART, JSON.stringify({ ...task, data, threads })] };
}

function cuda() {
  const tasks = BATCHES.flatMap((batch) => NETWORKS.map((network) => ({ network, batch, layers: layersOf(network) })));
  return { name: "cuda", seconds: 60, command: ["python3", CUDA, JSON.stringify({ tasks, seconds: 1 })] };
}

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1000;
const limit = Number(options.minutes) * 60;
const result = { startedAt: new Date().toISOString(), parts: {} };
const only = options.only?.split(",");

const chosen = only?.flatMap((word) => PARTS.filter(({ name }) => `${name} `.startsWith(`${word} `))) ?? PARTS;

for (const part of chosen) {
  const seconds = Math.min(part.seconds, limit - elapsed());
  const answer = seconds < 3 ? { error: "no time was left" } : await run(part.command, seconds);
  result.parts[part.name] = answer;
  result.seconds = elapsed();
  writeFileSync(`${options.out}.part`, `${JSON.stringify(result, null, 1)}\n`);
  renameSync(`${options.out}.part`, options.out);
  console.log(`${elapsed().toFixed(0).padStart(4)} s  ${part.name}: ${summary(answer)}`);
}

/** Runs a part: the last line of its standard output is its answer. What it says on standard error is kept if it fails. */
function run([command, ...parameters], seconds) {
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8");
      child[stream].on("data", (text) => {
        said[stream] += text;
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    child.on("error", (error) => resolve({ error: String(error) }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const took = (performance.now() - began) / 1000;
      const lines = said.stdout.trim().split("\n");
      const answer = parsed(lines.at(-1));
      if (code === 0 && answer) return resolve({ ...answer, took });
      const how = signal ? `ended by ${signal} after ${took.toFixed(1)} s` : `ended with ${code}`;
      // What a part that was cut off had found so far is an answer too.
      resolve({ ...answer, error: how, took, stderr: said.stderr.slice(-3000) });
    });
  });
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function summary(answer) {
  const { error, stderr, text } = answer;
  return error ? `${error} ${(stderr ?? "").trim().split("\n").at(-1).slice(0, 300)}` : text;
}
