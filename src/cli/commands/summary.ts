import { FASHION_MNIST } from "../../data/fashion-mnist.ts";
import { imageTask } from "../../data/training-data.ts";
import { MODELS } from "../../models/index.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { modelNamed } from "../../runs/node/recipe-file.ts";
import { count, table } from "../../text.ts";
import { defineCommand } from "../command.ts";
import {
  CUSTOM_DATA_OPTION,
  dataChoice,
  dataToTrain,
  PREPARATION_OPTIONS,
  preparationOptions,
  type TypedData,
  type TypedPreparation,
} from "../custom-data.ts";
import type { Output } from "../output.ts";

/** The images and classes of Fashion-MNIST. */
const TASK: ImageTask = { channels: 1, height: 28, width: 28, classes: FASHION_MNIST.classNames.length };

export const summary = defineCommand({
  name: "summary",
  arguments: [
    {
      name: "<model>",
      description: `one of: ${MODELS.map(({ name }) => name).join(", ")}; or a file that exports or holds a recipe`,
    },
  ],
  options: [{ ...CUSTOM_DATA_OPTION, default: "images and classes of Fashion-MNIST" }, ...PREPARATION_OPTIONS],
  examples: [
    "node bin/tailor.js summary base",
    "node bin/tailor.js summary enhanced --json",
    "node bin/tailor.js summary photos --size 96 --channels 3",
    "node bin/tailor.js summary photos --data photos",
  ],
  async run([name], options, output) {
    const model = await modelNamed(name ?? "");
    const task = await taskOf(model, options, output);
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

/** The data's images and classes; without data those that the network was published for, or of Fashion-MNIST, in another size if one is typed. */
async function taskOf(model: Model, options: TypedPreparation & TypedData, output: Output): Promise<ImageTask> {
  if (options.data !== undefined) return imageTask((await dataToTrain(options, output, { model })).train);
  dataChoice({ ...options, size: undefined, channels: undefined });
  const { image, classes = TASK.classes } = model.published ?? {};
  const own = { ...TASK, ...image, classes };
  const { size, channels = own.channels } = preparationOptions(options);
  return { ...own, channels, height: size ?? own.height, width: size ?? own.width };
}
