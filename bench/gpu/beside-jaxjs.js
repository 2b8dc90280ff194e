/**
 * Compares a training step of tailor with one of jax-js on the same GPU in one page of Chromium, step by step in turn.
 *
 *   node bench/gpu/beside-jaxjs.js [--networks base,enhanced] [--batch N] [--steps N] [--real]
 *
 * Without --real the GPU is SwiftShader, a program: only the ratio of both means something. jax-js is installed by
 * `npm ci --ignore-scripts` in bench/peers. The first two steps of each compile and are not timed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const { values: options } = parseArgs({
  options: {
    networks: { type: "string", default: "base,enhanced" },
    batch: { type: "string", default: "8" },
    steps: { type: "string", default: "5" },
    real: { type: "boolean", default: false },
  },
});
const WARM_UP_STEPS = 2;
const SOFTWARE = ["--use-webgpu-adapter=swiftshader"];
const JAX = resolve(process.env.PEERS ?? join(import.meta.dirname, "../peers"), "node_modules/@jax-js/jax");

const outDir = mkdtempSync(join(tmpdir(), "tailor-page-"));
const config = {
  root: join(import.meta.dirname, "page"),
  configFile: false,
  logLevel: "warn",
  resolve: {
    alias: { "@jax-js/jax": join(JAX, "dist/index.js") },
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "import", "default"],
  },
  build: { outDir, emptyOutDir: true, target: "es2023", assetsInlineLimit: 0 },
  preview: { host: "127.0.0.1", port: 0 },
};
await build(config);
const server = await preview(config);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--enable-unsafe-webgpu", ...(options.real ? [] : SOFTWARE)],
});
try {
  const { version } = JSON.parse(readFileSync(join(JAX, "package.json"), "utf8"));
  for (const network of options.networks.split(",")) {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on("console", (message) => message.type() === "error" && console.error(message.text()));
    await page.goto(server.resolvedUrls.local[0]);
    await page.waitForFunction(() => window.compare);
    const task = { network, batch: Number(options.batch), warmUp: WARM_UP_STEPS, steps: Number(options.steps) };
    const { adapter, tailor, jaxjs } = await page.evaluate((given) => window.compare(given), task);
    const ratios = jaxjs.milliseconds.map((time, i) => time / tailor.milliseconds[i]).sort((a, b) => a - b);
    const ratio = ratios[Math.floor(ratios.length / 2)];
    console.log(
      JSON.stringify({ ...task, adapter, jaxjs: version, ratio, ratios, losses: [tailor.losses, jaxjs.losses] }),
    );
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(outDir, { recursive: true });
}
