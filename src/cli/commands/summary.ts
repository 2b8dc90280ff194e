import { FASHION_MNIST } from "../../data/fashion-mnist.ts";
import { MODELS } from "../../models/index.ts";
import type { ImageTask } from "../../nn/model.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { modelNamed } from "../../runs/node/recipe-file.ts";
import { count, table } from "../../text.ts";
import { defineCommand } from "../command.ts";

/** Of networks that were made for no other images. */
const TASK: ImageTask = { channels: 1, height: 28, width: 28, classes: FASHION_MNIST.classNames.length };

export const summary = defineCommand({
  name: "summary",
  arguments: [
    {
      name: "<model>",
      description: `one of: ${MODELS.map(({ name }) => name).join(", ")}; or a file that exports or holds a recipe`,
    },
  ],
  options: [],
  examples: ["node bin/tailor.js summary base", "node bin/tailor.js summary enhanced --json"],
  async run([name], _options, output) {
    const model = await modelNamed(name ?? "");
    const task = model.published ? { ...model.published.image, classes: model.published.classes } : TASK;
    const { layers, parameters, multiplyAdds } = modelFacts(model, task);
    const shapeOf = (shape: readonly number[]) => shape.slice(1).join("x");
    const rows = [
      ["layer", "", "output", "parameters", "multiply-adds"],
      ...layers.map((layer) => [
        layer.name,
        layer.description,
        shapeOf(layer.outputShape),
        count(layer.parameters),
        count(layer.multiplyAdds),
      ]),
      ["total", "", "", count(parameters), count(multiplyAdds)],
    ];
    output.say(
      `${model.name}: ${task.channels}x${task.height}x${task.width} images, ${count(task.classes)} classes; multiply-adds of one image, forward`,
    );
    for (const line of table(rows, [0, 1])) output.say(line);
    output.result({
      model: model.name,
      parameters,
      multiplyAdds,
      layers: layers.map((layer) => ({
        name: layer.name,
        description: layer.description,
        outputShape: layer.outputShape.slice(1),
        parameters: layer.parameters,
        multiplyAdds: layer.multiplyAdds,
      })),
    });
    return 0;
  },
});
