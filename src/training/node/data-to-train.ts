import type { LoadedData, Report } from "../../data/node/chain.ts";
import { type DataChoice, loadData } from "../../data/node/custom-data.ts";
import type { OnRead } from "../../data/node/read-pictures.ts";
import { UserError } from "../../errors.ts";
import type { Recipe } from "../../recipes/recipe.ts";

/**
 * Loads the data to train a recipe on. Pictures get the size and channels that its backbone takes.
 *
 * @throws UserError as `loadData` does, and when the backbone takes other images
 */
export async function loadDataFor(
  { model, backbone }: Pick<Recipe, "model" | "backbone">,
  choice: DataChoice,
  report?: Report,
  onRead?: OnRead,
): Promise<LoadedData> {
  const input = backbone?.input;
  const fitted = input && choice.folder !== undefined ? { size: input.height, channels: input.channels } : {};
  const data = await loadData({ ...choice, ...fitted, maxDefaultSize: model.maxDefaultSize }, report, onRead);
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
