// Training speed of tailor and of PyTorch on the same networks, batch and data, in turn: pairs in one run, so that a
// machine that changes its speed slows both. Prints each pair, medians and the ratio's median and range.
//
//   npm run build && node bench/against-pytorch.js [--pairs 5] [--models base,enhanced] [--threads 2] [--steps 60] [--batch 128]
//
// Wants Debian's python3-torch, libopenblas0-pthread and dataset-fashion-mnist. PyTorch is given its faster layout of two.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DATA = "/usr/share/datasets/fashion-mnist";
const PYTHON = "/usr/bin/python3";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "5" },
    models: { type: "string", default: "base,enhanced" },
    threads: { type: "string", default: "2" },
    steps: { type: "string", default: "60" },
    batch: { type: "string", default: "128" },
    lowering: { type: "string", default: "blocked" },
  },
});

if (!existsSync(DATA) || !existsSync(PYTHON)) {
  console.error("needs Debian's packages: apt-get install python3-torch libopenblas0-pthread dataset-fashion-mnist");
  process.exit(1);
}

function tailor(model) {
  const { threads, steps, batch, lowering } = values;
  const options = ["--threads", threads, "--steps", steps, "--batch-size", batch, "--lowering", lowering, "--json"];
  const args = [`${ROOT}bin/tailor.js`, "bench", "train", "--models", model, "--data", DATA, ...options];
  const text = execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return JSON.parse(text).results[0];
}

function pytorch(model) {
  const args = [`${ROOT}bench/pytorch_train.py`, model, values.threads, values.steps, values.batch, DATA];
  const layouts = execFileSync(PYTHON, args, { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const { layout, firstLoss, lastLoss } of layouts) {
    if (!(lastLoss < firstLoss)) throw new Error(`PyTorch ${model} ${layout}: the loss did not fall`);
  }
  return layouts.reduce((best, other) => (other.imagesPerSecond > best.imagesPerSecond ? other : best));
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

for (const model of values.models.split(",")) {
  const pairs = [];
  for (let i = 0; i < Number(values.pairs); i++) {
    const ours = tailor(model);
    const theirs = pytorch(model);
    const ratio = ours.imagesPerSecond / theirs.imagesPerSecond;
    pairs.push({ ours: ours.imagesPerSecond, theirs: theirs.imagesPerSecond, ratio, memory: ours.peakMemoryBytes });
    console.error(
      `${model} pair ${i + 1}: ${ours.imagesPerSecond.toFixed(0)} / ${theirs.imagesPerSecond.toFixed(0)} (${theirs.layout}) = ${ratio.toFixed(2)}`,
    );
  }
  const ratios = pairs.map(({ ratio }) => ratio);
  console.log(
    JSON.stringify({
      model,
      threads: Number(values.threads),
      batchSize: Number(values.batch),
      lowering: values.lowering,
      pairs: pairs.length,
      tailorImagesPerSecond: Math.round(median(pairs.map(({ ours }) => ours))),
      pytorchImagesPerSecond: Math.round(median(pairs.map(({ theirs }) => theirs))),
      ratio: Number(median(ratios).toFixed(2)),
      ratioRange: [Number(Math.min(...ratios).toFixed(2)), Number(Math.max(...ratios).toFixed(2))],
      peakMemoryMegabytes: Math.round(median(pairs.map(({ memory }) => memory)) / 1e6),
    }),
  );
}
