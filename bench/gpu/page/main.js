/** Trains the same network on the page's GPU with tailor and with jax-js, in turn; see ../beside-jaxjs.js. */
import * as jax from "@jax-js/jax";
import mjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import { createImageSet } from "../../../src/data/image-set.ts";
import { findModel } from "../../../src/models/index.ts";
import { openBrowserGpu } from "../../../src/runtime/webgpu/web/index.ts";
import { openTraining } from "../../../src/training/train.ts";
import { createTraining } from "../../peers/contestants/jaxjs-training.js";
import { CLASSES, IMAGE_SIZE, layersOf } from "../../peers/networks.js";

const NORMALIZATION = { mean: [0.286], standardDeviation: [0.353] };
const LEARNING_RATE = 1e-3;
const PIXELS = IMAGE_SIZE ** 2;

/** Made-up images in which classes can be told apart by their brightness. */
function madeUpImages(count) {
  const { uniform } = randomStream(1, "init", 0);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const images = Uint8Array.from(
    { length: count * PIXELS },
    (_, i) => labels[Math.floor(i / PIXELS)] * 20 + 40 * uniform(),
  );
  const classNames = Array.from({ length: CLASSES }, (_, i) => String(i));
  return createImageSet({ images, labels, channels: 1, height: IMAGE_SIZE, width: IMAGE_SIZE, classNames }, "made up");
}

async function tailor(network, batch) {
  const { found, runtime } = await openBrowserGpu({
    mjs: new URL(mjs, location.href).href,
    wasm: new URL(wasm, location.href).href,
  });
  const recipe = {
    ...{
      name: "bench",
      description: "",
      model: findModel(network),
      epochs: 1,
      batchSize: batch,
      learningRate: LEARNING_RATE,
    },
    ...{ schedule: { kind: "constant" }, optimizer: { kind: "adam" }, labelSmoothing: 0, augmentation: {} },
  };
  const training = await openTraining({
    ...{ recipe, data: { train: madeUpImages(16 * batch), validation: null }, normalization: NORMALIZATION },
    ...{ seed: 1, threads: 1, lowering: { kind: "gpu" }, runtime },
  });
  training.begin();
  const step = async (i) => (await training.session.run(training.feeds.fill(i, [LEARNING_RATE]))).loss[0];
  return { adapter: found.name, step };
}

async function jaxJs(network, batch) {
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const { images, labels } = madeUpImages(16 * batch);
  const { trainStep } = createTraining(jax, { layers: layersOf(network), batch, learningRate: LEARNING_RATE });
  const scaled = (byte) => (byte / 255 - NORMALIZATION.mean[0]) / NORMALIZATION.standardDeviation[0];
  return {
    step(i) {
      const start = (i * batch) % labels.length;
      const x = Float32Array.from(images.subarray(start * PIXELS, (start + batch) * PIXELS), scaled);
      return trainStep(i, { x, labels: Int32Array.from(labels.subarray(start, start + batch)) });
    },
  };
}

/** @returns milliseconds of each timed step, and all losses, of both in turn */
window.compare = async ({ network, batch, warmUp, steps }) => {
  const contestants = { tailor: await tailor(network, batch), jaxjs: await jaxJs(network, batch) };
  const results = Object.fromEntries(Object.keys(contestants).map((name) => [name, { milliseconds: [], losses: [] }]));
  for (let i = 0; i < warmUp + steps; i++) {
    for (const [name, { step }] of Object.entries(contestants)) {
      const started = performance.now();
      results[name].losses.push(await step(i));
      if (i >= warmUp) results[name].milliseconds.push(performance.now() - started);
    }
  }
  return { adapter: contestants.tailor.adapter, ...results };
};
