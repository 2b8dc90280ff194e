// Classifies pictures with a trained run:  node examples/classify.js RUN IMAGE...
import { loadClassifier } from "@tailor-ml/tailor/predict";

const [run, ...images] = process.argv.slice(2);
if (!run || images.length === 0) {
  console.error("usage: node examples/classify.js RUN IMAGE...");
  process.exit(2);
}

const classifier = await loadClassifier(run, { threads: 2 });

// One picture: predict() throws a UserError when it cannot be read.
const { label, probability, top } = await classifier.predict(images[0]);
console.log(`${label} ${probability.toFixed(3)}; top three: ${top.map((entry) => entry.label).join(", ")}`);

// Many pictures, in order; an unreadable one does not stop the others.
for await (const { image, prediction, error } of classifier.predictMany(images)) {
  console.log(image, error ? error.message : prediction.label);
}

await classifier.release();
