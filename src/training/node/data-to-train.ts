import type { LoadedData, Report } from "../../data/node/chain.ts";
import { type DataChoice, loadData } from "../../data/node/custom-data.ts";
import type { CustomDataOptions } from "../../data/node/custom-data-options.ts";
import type { OnRead } from "../../data/node/read-pictures.ts";
import { UserError } from "../../errors.ts";
import type { Pretrained } from "../../recipes/fine-tune.ts";
import type { Recipe } from "../../recipes/recipe.ts";

/**
 * Loads the data to train a recipe on. Pictures get the size and channels that its backbone or pretrained weights take.
 *
 * @throws UserError as `loadData` does, and when the backbone takes other images
 */
export async function loadDataFor(
  { model, backbone, pretrained }: Pick<Recipe, "model" | "backbone" | "pretrained">,
  choice: DataChoice,
  report?: Report,
  onRead?: OnRead,
): Promise<LoadedData> {
  const input = backbone?.input;
  const fitted = input && choice.folder !== undefined ? { size: input.height, channels: input.channels } : {};
  const data = await loadData(
    { ...choice, ...asPretrained(choice, pretrained), ...fitted, maxDefaultSize: model.maxDefaultSize },
    report,
    onRead,
  );
  const { channels, height, width } = data.train;
  if (input && (channels !== input.channels || height !== input.height || width !== input.width)) {
    throw new UserError(
      (w) =>
        `the images are ${channels}x${height}x${width}, but the backbone takes ${input.channels}x${input.height}x${input.width}; give pictures, which are resized (${w.option("data")}), or another backbone`,
      { exitCode: 2 },
    );
  }
  return data;
}

/** What pictures of one's own must be for pretrained weights, where nothing else was typed. */
function asPretrained({ folder, size, channels }: DataChoice, pretrained: Pretrained | undefined): CustomDataOptions {
  if (folder === undefined || !pretrained) return {};
  const { normalization, image } = pretrained;
  const needed = normalization?.mean.length ?? image?.channels;
  return {
    ...(size === undefined && image && image.height === image.width ? { size: image.height } : {}),
    ...(channels === undefined && (needed === 1 || needed === 3) ? { channels: needed } : {}),
  };
}
