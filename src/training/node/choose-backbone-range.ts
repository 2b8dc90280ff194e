import { selectImages } from "../../data/image-set.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import { limitTraining } from "../../data/split.ts";
import { imageTask, type TrainingDataOptions, trainingParts } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { fitToImages } from "../../recipes/fit-to-images.ts";
import type { Recipe } from "../../recipes/recipe.ts";
import { type ChoiceOptions, chooseOnImages } from "./choose-weight-decay.ts";
import { BACKBONE_RANGES, type BackboneRange, withRange } from "./open-backbone.ts";

/** Images that each range is tried on at most: a wrong one costs far more than what chance does with so few. */
const TRIAL = { train: 160, validation: 80 };

/** A recipe whose backbone has the range of least validation loss, and that loss of each; null where features or head failed. */
export interface ChosenRange {
  readonly recipe: Recipe;
  /** Null without validation images: the recipe is as it was. */
  readonly range: BackboneRange | null;
  readonly tried: readonly { readonly range: BackboneRange; readonly loss: number | null }[];
}

/**
 * Chooses the range of pixel values for a backbone whose file does not state it (`isRangeSupposed`): a head is trained on
 * the features of some images in each range, and the least validation loss decides.
 *
 * @throws UserError when the backbone's file is missing or has changed, or gives no finite features in any range
 */
export async function chooseBackboneRange(
  recipe: Recipe,
  { train: images }: LoadedData,
  split: TrainingDataOptions,
  options: ChoiceOptions,
): Promise<ChosenRange> {
  const { backbone } = recipe;
  const parts = trainingParts(images, split);
  if (!backbone || !parts.validation?.length) return { recipe, range: null, tried: [] };
  const some = (part: Uint32Array, most: number) =>
    selectImages(images, limitTraining(part, Math.min(most, part.length), images.labels));
  const data = { train: some(parts.train, TRIAL.train), validation: some(parts.validation, TRIAL.validation) };
  // A further view says nothing of the range.
  const { views: _, ...single } = recipe;
  const { recipe: head } = fitToImages(single, { images: data.train.count, task: imageTask(data.train) });
  const tried: { range: BackboneRange; loss: number | null }[] = [];
  let failure: UserError | undefined;
  for (const range of BACKBONE_RANGES) {
    const ranged = { ...head, backbone: withRange(backbone, range) };
    try {
      const { tried: heads } = await chooseOnImages(ranged, data, options);
      tried.push({ range, loss: Math.min(...heads.map(({ loss }) => loss)) });
    } catch (error) {
      // float16 overflows with pixels of 0 to 255, say.
      if (!(error instanceof UserError)) throw error;
      failure ??= error;
      tried.push({ range, loss: null });
    }
  }
  const lossOf = ({ loss }: { loss: number | null }) => loss ?? Number.POSITIVE_INFINITY;
  const best = tried.reduce((least, one) => (lossOf(one) < lossOf(least) ? one : least));
  if (best.loss === null) throw failure!;
  return { recipe: { ...recipe, backbone: withRange(backbone, best.range) }, range: best.range, tried };
}
