/** One measurement, in a separate process, so that one peer's memory and threads do not affect the next. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { layersOf, parameterCount } from "./networks.js";
import { fell, median } from "./statistics.js";

export const PYTHON = "/usr/bin/python3";
const TIME_LIMIT_MS = 180_000;
const scriptOf = (file) => fileURLToPath(new URL(`contestants/${file}`, import.meta.url));

/** The command that runs a peer, without the task. */
export const PEERS = {
  tailor: [process.execPath, scriptOf("tailor.js")],
  pytorch: [PYTHON, scriptOf("pytorch.py")],
  jaxjs: [process.execPath, scriptOf("jaxjs.js")],
  tfjs: [process.execPath, scriptOf("tfjs.js")],
};

/**
 * PyTorch allocates tensors with glibc, which returns large ones to the system when they are freed, so that each step
 * incurs page faults again. With these settings it keeps up to 8 GiB; without, training is half as fast on some
 * machines.
 */
const ENVIRONMENTS = {
  pytorch: { MALLOC_MMAP_THRESHOLD_: String(2 ** 32), MALLOC_TRIM_THRESHOLD_: String(2 ** 33) },
};

/**
 * @param group what to compute
 * @param contestant the peer, and its settings
 * @param data { data, mean, deviation }: see peers/task.js
 * @returns the peer's result with its lists summarized, or { error } with its error message
 */
export async function measure({ task, network, batch, learningRate }, { peer, threads, seconds, lowering }, data) {
  const layers = layersOf(network);
  const settings = { task, network, layers, batch, learningRate, threads, seconds, lowering, ...data };
  const [command, ...args] = PEERS[peer];
  // OpenBLAS and OpenMP read the number of threads before PyTorch can set it.
  const environment = {
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    ...ENVIRONMENTS[peer],
  };
  const answer = await run(command, [...args, JSON.stringify({ ...settings, spawnedAt: Date.now() })], environment);
  if (answer.error) return answer;
  if (answer.parameters !== parameterCount(layers)) {
    throw new Error(`${peer} built another ${network}: ${answer.parameters} parameters, not ${parameterCount(layers)}`);
  }
  const { stepMilliseconds, losses = [], ...rest } = answer;
  const sorted = stepMilliseconds.toSorted((a, b) => a - b);
  return {
    ...rest,
    stepMilliseconds: { median: median(sorted), least: sorted[0], most: sorted.at(-1) },
    loss: losses.length > 0 ? fell(losses) : null,
  };
}

function run(command, args, environment) {
  const env = { ...process.env, ...environment };
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: TIME_LIMIT_MS });
    let [output, complaints] = ["", ""];
    child.stdout.on("data", (text) => {
      output += text;
    });
    child.stderr.on("data", (text) => {
      complaints += text;
    });
    child.on("error", (error) => resolve({ error: error.message }));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1)));
      else resolve({ error: lastWords(complaints) ?? `ended with ${signal ?? code}` });
    });
  });
}

/** The line of a stack trace with the error message. */
function lastWords(complaints) {
  const lines = complaints.split("\n").map((line) => line.trim());
  return (
    lines.findLast((line) => /^(Uncaught )?\w*(Error|Exception)\b.*: /.test(line)) ??
    lines.findLast((line) => line !== "")
  );
}
