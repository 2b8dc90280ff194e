// Trains with a loss, an augmentation and a metric of one's own:  node examples/own-functions.js DATA OUT
import { findRecipe, fitToTraining, loadCustomData, nodeRuntime, trainNewRun } from "@tailor-ml/tailor";
import { constant, divide, logSoftmax, multiply, softmax, subtract, sum } from "@tailor-ml/tailor/ops";

const [folder, out] = process.argv.slice(2);
if (!folder || !out) {
  console.error("usage: node examples/own-functions.js DATA OUT");
  process.exit(2);
}

/** Focal loss (Lin et al. 2017), gamma 2: images that are classified well already count less. */
function loss({ logits, targets }) {
  const rest = subtract(constant(1), softmax(logits));
  const weighted = multiply(multiply(rest, rest), multiply(targets, logSoftmax(logits)));
  return divide(sum(weighted), constant(-logits.shape[0]));
}

/** Brightness by up to a fifth. Only `random` is random, so that the same seed gives the same weights. */
function augment(pixels, { random }) {
  const factor = 0.8 + 0.4 * random.uniform();
  return Float32Array.from(pixels, (value) => value * factor);
}

/** Mean recall of the classes. */
function macroRecall({ probabilities, labels, classNames }) {
  const [right, total] = [classNames.map(() => 0), classNames.map(() => 0)];
  for (const [i, label] of labels.entries()) {
    const row = probabilities.subarray(i * classNames.length, (i + 1) * classNames.length);
    total[label]++;
    if (row.indexOf(Math.max(...row)) === label) right[label]++;
  }
  const recalls = right.map((count, label) => count / total[label]).filter((recall) => !Number.isNaN(recall));
  return recalls.reduce((all, recall) => all + recall, 0) / recalls.length;
}

const data = await loadCustomData(folder);
const images = { trainOn: "split", limit: null };
const { recipe } = fitToTraining({ ...findRecipe("base"), epochs: 3 }, data.train, { ...images, given: ["epochs"] });
await trainNewRun(
  { recipe, seed: 1, ...images, out },
  {
    data,
    threads: 2,
    runtime: nodeRuntime,
    functions: { loss, augment, metrics: { macroRecall } },
    hooks: {
      async onEpoch({ epoch, metrics }) {
        console.log(`epoch ${epoch}: macro recall ${metrics.macroRecall.toFixed(3)}`);
        return metrics.macroRecall > 0.99 ? "stop" : undefined;
      },
    },
  },
);
