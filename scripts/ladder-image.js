/**
 * The pictures of accuracy against cost in docs/images: published results and the committed ones of docs/results, seeds together.
 *
 *   npm run build && node scripts/ladder-image.js
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FASHION_MNIST_TASK } from "../build/data/fashion-mnist.js";
import { seedSpread } from "../build/evaluation/significance.js";
import { modelFacts } from "../build/nn/model-facts.js";
import { pngBytes } from "../build/plots/node/render.js";
import { RECIPES } from "../build/recipes/index.js";
import { costFigures } from "../build/report/node/figures.js";
import { committedResults } from "../build/runs/node/committed-results.js";

const IMAGES = fileURLToPath(new URL("../docs/images", import.meta.url));

const results = RECIPES.flatMap(({ name, model, epochs }) => {
  const tested = committedResults(name);
  if (tested.length === 0) return [];
  const { parameters, multiplyAdds } = modelFacts(model, FASHION_MNIST_TASK);
  const origin = { kind: "trained", runs: tested.map(({ file }) => file) };
  const accuracy = seedSpread(tested.map(({ test }) => test.accuracy));
  return [{ name, origin, accuracy, parameters, multiplyAdds, epochs }];
});
for (const { name, svg } of costFigures({ results, isFashionMnist: true })) {
  writeFileSync(`${IMAGES}/${name}.png`, pngBytes(svg));
  console.log(`docs/images/${name}.png: ${results.map((result) => result.name).join(", ")}`);
}
