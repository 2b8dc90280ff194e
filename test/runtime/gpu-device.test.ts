/** How a GPU is chosen and what happens when it fails, with made-up GPUs: real ones are tried in `*.peer.test.ts`. */
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import type { ModelSession } from "../../src/runtime/model-session.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { chooseDevice, type Device, type FoundGpu } from "../../src/runtime/webgpu/device.ts";
import { exclusively } from "../../src/runtime/webgpu/engine.ts";
import { GpuError, gpuError } from "../../src/runtime/webgpu/errors.ts";
import { failureOf, findDevice } from "../../src/runtime/webgpu/web/find-device.ts";
import type { GpuAdapterHandle, GpuDeviceHandle, WebGpuApi } from "../../src/runtime/webgpu/web/webgpu-api.ts";
import { failureOf as errorOf } from "../training/support/failure.ts";

/** A model's session that answers with one number, or fails. */
const session = (answer: () => number): ModelSession => ({
  imageShape: { channels: 1, height: 1, width: 1 },
  classes: 1,
  logits: async () => Float32Array.of(answer()),
  probabilities: async () => Float32Array.of(answer()),
  release: async () => {},
});
const CPU: Device = { runtime: nodeRuntime, openModel: async () => session(() => 1) };
const FOUND: FoundGpu = { name: "Model 9", backend: "Metal", isSoftware: false };
const LOST = gpuError(new Error("Device was lost")) as GpuError;

function devices(
  gpu: Partial<FoundGpu> | UserError,
  {
    milliseconds = 5,
    openModel = async () => session(() => 2),
  }: { milliseconds?: number; openModel?: Device["openModel"] } = {},
) {
  const device: Device = { runtime: { ...nodeRuntime, gpu: FOUND }, openModel };
  return {
    openCpu: async () => CPU,
    async openGpu() {
      if (gpu instanceof UserError) throw gpu;
      return { found: { ...FOUND, ...gpu }, device };
    },
    trial: async ({ runtime }: Device) => (runtime.gpu ? milliseconds : 10),
  };
}

describe("auto", () => {
  test.each([
    [
      "the GPU where its trial was faster",
      devices({}),
      /^GPU Model 9 \(Metal\): 5.00 ms in a trial, the processor 10.0 ms$/,
    ],
    [
      "the processor where the GPU was slower",
      devices({}, { milliseconds: 12 }),
      /^processor: faster than the GPU Model 9 \(Metal\), which took 12.0 ms/,
    ],
    [
      "the processor where the GPU is a program",
      devices({ name: "SwiftShader", isSoftware: true }),
      /^processor: SwiftShader is software$/,
    ],
    [
      "the processor where there is no GPU",
      devices(new GpuError("there is none; install one")),
      /^processor: there is none$/,
    ],
  ])("takes %s", async (_, given, reason) => {
    const { runtime } = await chooseDevice("auto", given);
    expect(runtime.reason).toMatch(reason);
    expect(runtime.gpu !== undefined).toBe(runtime.reason!.startsWith("GPU"));
    expect(runtime.fallback !== undefined).toBe(runtime.gpu !== undefined);
  });

  test("the processor classifies on when the GPU is lost; a fault of the file stays one", async () => {
    let answer = () => 2;
    const { openModel } = await chooseDevice("auto", devices({}, { openModel: async () => session(() => answer()) }));
    const open = await openModel(new Uint8Array(), "file", { threads: 1 });
    expect(await open.logits(new Uint8Array(1))).toEqual(Float32Array.of(2));
    answer = () => {
      throw LOST;
    };
    expect(await open.logits(new Uint8Array(1))).toEqual(Float32Array.of(1));
    expect(await open.probabilities(new Uint8Array(1))).toEqual(Float32Array.of(1));
    const damaged = new UserError("the file is damaged");
    const refused = await chooseDevice("auto", devices({}, { openModel: () => Promise.reject(damaged) }));
    expect(await errorOf(refused.openModel(new Uint8Array(), "file", { threads: 1 }))).toBe(damaged);
  });
});

test("gpu is the GPU or nothing: no fallback", async () => {
  const { runtime } = await chooseDevice("gpu", devices({ isSoftware: true }));
  expect(runtime.reason).toBe("GPU Model 9 (Metal)");
  expect(runtime.fallback).toBeUndefined();
  expect(await errorOf(chooseDevice("gpu", devices(LOST)))).toBe(LOST);
});

test.each([
  [new Error("Failed to allocate 9 GB"), /does not have enough memory.* use a smaller `batchSize`/],
  [new Error("WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid"), /does not have enough memory/],
  [new Error("WebGPU device lost (2): a driver's reset"), /the GPU was lost .* resume the run/],
  [new Error("Failed to get a WebGPU adapter: No supported adapters"), /no GPU here that WebGPU can use/],
  [new UserError("model.onnx cannot be run", { cause: new Error("Device was lost") }), /the GPU was lost/],
])("%s is the GPU's fault and says what to do", (cause, message) => {
  const error = gpuError(cause);
  expect(error).toBeInstanceOf(GpuError);
  expect((error as GpuError).message).toMatch(message);
});

test("one thing at a time is done with the GPU, also after one that failed", async () => {
  const said: string[] = [];
  const work = (name: string, fails = false) =>
    exclusively(async () => {
      said.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      said.push(`${name} ends`);
      if (fails) throw new Error(name);
    });
  const [, second] = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(second).toMatchObject({ status: "rejected", reason: { message: "b" } });
  expect(said).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("what is not the GPU's fault stays as it is", () => {
  for (const error of [new Error("anything else"), new UserError("a file is damaged")])
    expect(gpuError(error)).toBe(error);
});

describe("a browser's GPU", () => {
  const LIMITS = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
  const device = (lost: GpuDeviceHandle["lost"] = new Promise(() => {})) => Object.assign(new EventTarget(), { lost });
  const api = (adapter: Partial<GpuAdapterHandle> | null | "hangs"): WebGpuApi => ({
    requestAdapter() {
      if (adapter === "hangs") return new Promise(() => {});
      const info = { vendor: "acme", architecture: "v9", description: "" };
      const whole = { info, features: new Set<string>(), limits: LIMITS, requestDevice: async () => device() };
      return Promise.resolve(adapter && { ...whole, ...adapter });
    },
  });

  test("is described by its vendor and architecture, with its limits", async () => {
    const { found } = await findDevice(api({}));
    expect(found).toEqual({ name: "acme v9", backend: "WebGPU", limits: LIMITS, isSoftware: false });
  });

  test("a fallback adapter is software", async () => {
    const info = { vendor: "acme", architecture: "", description: "", isFallbackAdapter: true };
    expect((await findDevice(api({ info }))).found).toMatchObject({ name: "acme", isSoftware: true });
  });

  test("half precision is asked for where the adapter has it", async () => {
    let wanted: readonly string[] = [];
    const adapter: Partial<GpuAdapterHandle> = {
      features: new Set(["shader-f16", "depth-clip-control"]),
      async requestDevice({ requiredFeatures }) {
        wanted = requiredFeatures;
        return device();
      },
    };
    await findDevice(api(adapter));
    expect(wanted).toEqual(["shader-f16"]);
  });

  test.each([
    ["no WebGPU", undefined, /this browser has no WebGPU here.*use `device` cpu$/],
    ["no adapter", api(null), /no GPU for WebGPU/],
    ["an adapter request that hangs", api("hangs"), /does not answer within 0.01 s/],
    [
      "a device request that hangs",
      api({ requestDevice: () => new Promise(() => {}) }),
      /does not answer within 0.01 s/,
    ],
    [
      "a device that is refused",
      api({ requestDevice: () => Promise.reject(new Error("out of memory")) }),
      /not have enough memory/,
    ],
  ])("%s is said", async (_, given, message) => {
    const error = await errorOf(findDevice(given, 10));
    expect(error).toBeInstanceOf(GpuError);
    expect(error.message).toMatch(message);
  });

  test("a lost device, and memory that is out, fail whatever waits", async () => {
    const lost = failureOf(device(Promise.resolve({ reason: "unknown", message: "reset" })));
    expect((await errorOf(lost)).message).toMatch(/the GPU was lost/);
    class GPUOutOfMemoryError extends Error {}
    const full = device();
    const failure = failureOf(full);
    full.dispatchEvent(Object.assign(new Event("uncapturederror"), { error: new GPUOutOfMemoryError("a buffer") }));
    expect((await errorOf(failure)).message).toMatch(/does not have enough memory/);
  });
});
