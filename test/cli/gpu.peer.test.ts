/**
 * Training on a GPU, with SwiftShader of Debian's chromium as the GPU: a program, so networks are tiny. Sessions refuse nodes
 * that would run on the processor, so what ends here ran on the GPU as a whole.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { readMetrics, readRunRecord } from "../../src/runs/node/run-files.ts";
import { put } from "../data/picture-fixtures.ts";
import { jsonOf, postJson } from "../server/support/running-server.ts";
import { needSoftwareGpu, SOFTWARE_GPU } from "../support/software-gpu.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, startTailor, tailor, tailorJson } from "./support/tailor.ts";

/** Of the system, besides Chromium's. */
const hasSystemLoader = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" }).stdout?.includes("libvulkan.so.1");

const DATA = await smallDataFolder({ train: 24, test: 8 });
const FOLDER = sharedFolder();
const RECIPE = join(FOLDER, "recipe.mjs");
put(FOLDER, {
  "recipe.mjs": `
    import { batchNorm, conv2d, flatten, linear, maxPool2d, relu } from "@tailor-ml/tailor";
    export default {
      name: "mine",
      description: "a test's",
      model: {
        name: "my-net",
        layers: ({ classes }) => [
          conv2d(4, { kernelSize: 3, padding: 1 }), relu(), maxPool2d(4),
          conv2d(4, { kernelSize: 3, padding: 1, bias: false }), batchNorm(), relu(), flatten(), linear(classes),
        ],
      },
      epochs: 2,
      batchSize: 8,
      learningRate: 2e-3,
      schedule: { kind: "constant" },
      optimizer: { kind: "adam" },
      labelSmoothing: 0.1,
      augmentation: {},
    };`,
});
const TRAIN = ["train", RECIPE, "--data", DATA, "--threads", "1", "--skip-report"];
const ON_GPU = { env: SOFTWARE_GPU };

interface Trained {
  readonly evaluation: { readonly correct: number; readonly loss: number };
}

beforeEach(needSoftwareGpu);

// SwiftShader takes a minute for these few steps.
test.runIf(IS_THOROUGH)(
  "--device gpu trains as the processor does, also after a kill; the run is evaluated, used and served there",
  async () => {
    const [gpu, cpu] = [join(FOLDER, "gpu"), join(FOLDER, "cpu")];
    const { child, ended, hasSaid } = startTailor([...TRAIN, "--device", "gpu", "--out", gpu], ON_GPU);
    await hasSaid("epoch 1/2 |");
    child.kill("SIGKILL");
    await ended;
    const resume = ["train", "--resume", gpu, "--data", DATA, "--threads", "1", "--skip-report"];
    expect(refusalOf(await tailor([...resume, "--device", "cpu", "--json"]), 1)).toMatch(/use --device gpu/);
    const { evaluation: onGpu } = await tailorJson<Trained>([...resume, "--evaluate", "test"], ON_GPU);
    await tailorJson([...TRAIN, "--lowering", "standard", "--out", cpu]);
    expect(readRunRecord(gpu)).toMatchObject({
      status: "finished",
      lowering: "gpu",
      gpu: { name: expect.stringContaining("SwiftShader"), backend: "Vulkan" },
    });
    expect(readRunRecord(cpu)).not.toHaveProperty("gpu");
    const losses = (run: string) =>
      readMetrics(run).flatMap(({ trainLoss, validationLoss }) => [trainLoss, validationLoss!]);
    expect(losses(gpu)).toHaveLength(4);
    for (const [i, loss] of losses(gpu).entries()) expect(Math.abs(loss / losses(cpu)[i]! - 1)).toBeLessThan(1e-5);

    const onCpu = await tailorJson<Trained["evaluation"]>(["evaluate", gpu, "--threads", "1"]);
    expect(onGpu.correct).toBe(onCpu.correct);
    expect(onGpu.loss).toBeCloseTo(onCpu.loss, 5);
    const picture = resolve(import.meta.dirname, "../../docs/images/preparation.png");
    expect(await tailorJson(["predict", gpu, picture, "--device", "gpu"], ON_GPU)).toMatchObject({ model: "my-net" });

    const pixels = new Array<number>(28 * 28).fill(9);
    const answers: unknown[] = [];
    for (const device of ["gpu", "cpu"]) {
      const serve = ["serve", gpu, "--runs", FOLDER, "--device", device, "--port", "0", "--threads", "1", "--json"];
      const { child, ended, said } = startTailor(serve, ON_GPU);
      await expect.poll(() => said().stdout).toContain("\n");
      const { url }: { url: string } = JSON.parse(said().stdout);
      answers.push(await jsonOf(postJson(`${url}/api/predict`, { pixels })));
      child.kill("SIGTERM");
      expect((await ended).stderr.includes("gpu is computed on the GPU SwiftShader")).toBe(device === "gpu");
    }
    const [served, expected] = answers as { probability: number; label: string }[];
    expect(served).toMatchObject({ label: expected!.label, probability: expect.closeTo(expected!.probability, 5) });
  },
);

describe("without a GPU to use", () => {
  test.skipIf(hasSystemLoader)("where there is no Vulkan loader, the message says what to install", async () => {
    const env = { ...SOFTWARE_GPU, LD_LIBRARY_PATH: undefined };
    const refusal = refusalOf(
      await tailor([...TRAIN, "--device", "gpu", "--out", join(FOLDER, "x"), "--json"], { env }),
      1,
    );
    expect(refusal).toMatch(/Vulkan loader .*install it .*or use --device cpu$/);
  });

  test("where the loader finds no driver, the message says so", async () => {
    const env = { ...SOFTWARE_GPU, VK_ICD_FILENAMES: join(FOLDER, "missing.json") };
    const refusal = refusalOf(
      await tailor([...TRAIN, "--device", "gpu", "--out", join(FOLDER, "x"), "--json"], { env }),
      1,
    );
    expect(refusal).toMatch(/^there is no GPU here that WebGPU can use; use --device cpu/);
  });

  test("experiments and the server say so before they begin", async () => {
    const env = { ...SOFTWARE_GPU, VK_ICD_FILENAMES: join(FOLDER, "missing.json") };
    const out = ["--out", join(FOLDER, "none")];
    for (const command of [
      ["sweep", RECIPE, "--over", "learningRate=0.001,0.002", "--data", DATA, ...out],
      ["ablate", "--data", DATA, "--epochs", "1", ...out],
      ["study", "--data", DATA, ...out],
      ["serve", "--port", "0"],
    ]) {
      const refusal = refusalOf(await tailor([...command, "--device", "gpu", "--json"], { env }), 1);
      expect(refusal, command[0]).toMatch(/^there is no GPU here that WebGPU can use; use --device cpu/);
    }
    expect(existsSync(join(FOLDER, "none"))).toBe(false);
  });

  test.runIf(IS_THOROUGH)("a driver that hangs is given up", () => {
    const pipe = join(FOLDER, "pipe.json");
    execFileSync("mkfifo", [pipe]); // Opening it to read waits for a writer, and there is none.
    const probe =
      "import('./build/runtime/webgpu/node/probe.js').then(({ probeGpu }) => probeGpu(2000)).catch((e) => console.log(e.message))";
    const said = execFileSync(process.execPath, ["-e", probe], {
      cwd: resolve(import.meta.dirname, "../.."),
      env: { ...process.env, ...SOFTWARE_GPU, VK_ICD_FILENAMES: pipe },
      encoding: "utf8",
    });
    expect(said).toBe("the GPU's driver does not answer within 2 s; use `device` cpu, or see docs/gpu.md\n");
  });

  test("auto goes on with the processor: a program that acts as a GPU is none", async () => {
    const out = join(FOLDER, "auto");
    const { code, stderr } = await tailor([...TRAIN, "--device", "auto", "--epochs", "1", "--out", out], ON_GPU);
    expect(code).toBe(0);
    expect(stderr).toMatch(/computing on the processor: SwiftShader.* is software/);
    expect(readRunRecord(out)).not.toHaveProperty("gpu");
  });
});
