/** The machine of a benchmark, and its requirements. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { collectEnvironment } from "../../build/runs/node/environment.js";
import { PEERS, PYTHON } from "./contestant.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DEBIAN_PACKAGES = ["python3-torch", "libopenblas0-pthread"];

/** An error that stops the benchmark: printed in one line, exit code 1. */
export class CannotRun extends Error {}

/**
 * @throws CannotRun with the Debian packages to install when PyTorch is wanted and missing, or runs on reference BLAS
 */
export function pytorchConfig() {
  const install = `apt-get install --no-install-recommends ${DEBIAN_PACKAGES.join(" ")}`;
  if (!existsSync(PYTHON)) throw new CannotRun(`PyTorch needs Debian's Python: ${install}`);
  const [command, ...args] = PEERS.pytorch;
  const { status, stdout, stderr } = spawnSync(command, [...args, "config"], { encoding: "utf8" });
  if (status !== 0) throw new CannotRun(`${stderr.trim().split("\n").at(-1)}: ${install}`);
  return JSON.parse(stdout);
}

/** Installs the JavaScript peers if they are missing. */
export function installPeers(say) {
  if (existsSync(`${HERE}node_modules/@jax-js/jax`) && existsSync(`${HERE}node_modules/@tensorflow/tfjs-core`)) return;
  say("npm ci --prefix bench/peers");
  try {
    execFileSync("npm", ["ci", "--prefix", HERE, "--ignore-scripts"], { stdio: ["ignore", 2, 2] });
  } catch {
    throw new CannotRun("the JavaScript peers could not be installed; try: npm ci --prefix bench/peers");
  }
}

/** Processor utilization during one second in which the benchmark itself is idle. */
async function busyShare() {
  const read = () => {
    const [, ...ticks] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0].split(/\s+/);
    const [user, nice, system, idle, waiting, ...rest] = ticks.map(Number);
    const all = [user, nice, system, idle, waiting, ...rest.slice(0, 3)].reduce((sum, part) => sum + part, 0);
    return { all, idle: idle + waiting };
  };
  const before = read();
  await setTimeout(1000);
  const after = read();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** Processor, memory, versions, commit, and how busy the machine was. */
export async function describeMachine() {
  const cpu = readFileSync("/proc/cpuinfo", "utf8");
  const field = (name) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(cpu)?.[1];
  return {
    ...collectEnvironment(),
    processor: {
      family: field("cpu family"),
      model: field("model"),
      vector: ["avx512f", "avx2"].find((flag) => field("flags")?.split(" ").includes(flag)) ?? null,
    },
    memoryBytes: totalmem(),
    busyShareBefore: await busyShare(),
  };
}
