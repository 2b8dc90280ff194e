import { fork } from "node:child_process";
import { cpus } from "node:os";
import { UserError } from "../../../errors.ts";
import { packageFile } from "../../../package-files.ts";
import type { Words } from "../../../wording.ts";
import { type FoundGpu, isSoftware } from "../device.ts";
import { gpuError } from "../errors.ts";
import type { ProbeAnswer } from "./probe-worker.ts";

const WORKER = packageFile("dist/runtime/webgpu/node/probe-worker.js");

/** A driver that answers takes at most a few seconds to start. */
const LIMIT_MILLISECONDS = 20_000;

/**
 * Finds the GPU that ONNX Runtime would use, and checks that it computes. In a process of its own: opening a session
 * there is synchronous in Node, so a driver that hangs or crashes would take this process with it.
 *
 * @throws UserError with what to do when there is none, or it does not answer in time
 */
export async function probeGpu(limitMilliseconds = LIMIT_MILLISECONDS): Promise<FoundGpu> {
  const { answer, stderr, ending } = await runWorker(limitMilliseconds);
  if (ending === "timeout") throw unusable(`does not answer within ${limitMilliseconds / 1000} s`);
  if (!answer) throw unusable(`ended the process that tried it (${ending})`);
  if ("error" in answer) {
    if (process.platform === "linux" && !hasLoader(stderr)) throw new UserError(NO_LOADER);
    const error = gpuError(new Error(answer.error));
    throw error instanceof UserError ? error : unusable(`cannot be used: ${answer.error}`);
  }
  const name = adapterName(stderr);
  return { name, backend: BACKENDS[process.platform] ?? "WebGPU", isSoftware: isSoftware(name) };
}

const NO_LOADER: Words = (w) =>
  `the Vulkan loader (libvulkan.so.1), by which programs reach a GPU, is not installed; install it (Debian: libvulkan1) and the GPU's driver, or use ${w.option("device", "cpu")}`;

function unusable(how: string): UserError {
  return new UserError((w) => `the GPU's driver ${how}; use ${w.option("device", "cpu")}, or see docs/gpu.md`);
}

const BACKENDS: Readonly<Record<string, string>> = { linux: "Vulkan", darwin: "Metal", win32: "Direct3D 12" };

/** ONNX Runtime does not tell the adapter's name; the Vulkan loader lists the GPUs, and Apple's are part of the processor. */
function adapterName(stderr: string): string | null {
  if (process.platform === "darwin") return cpus()[0]?.model ?? null;
  const names = [...stderr.matchAll(/\[\d+\] (.+?)\s*$/gm)].map(([, name]) => name!);
  return names.length === 0 ? null : [...new Set(names)].join(" or ");
}

/** Whether the Vulkan loader has written anything: it does, as the worker's environment asks for. */
function hasLoader(stderr: string): boolean {
  return /\b(INFO|DRIVER|ERROR|WARNING|DEBUG)\b/.test(stderr);
}

interface Probe {
  readonly answer: ProbeAnswer | undefined;
  readonly stderr: string;
  /** "timeout", a signal or an exit code. */
  readonly ending: string;
}

function runWorker(limitMilliseconds: number): Promise<Probe> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, [], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, VK_LOADER_DEBUG: "info,driver" },
    });
    let answer: ProbeAnswer | undefined;
    let stderr = "";
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, limitMilliseconds);
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("message", (message: ProbeAnswer) => {
      answer = message;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ answer, stderr, ending: isLate ? "timeout" : (signal ?? `exit code ${code}`) });
    });
  });
}
