import type { LoadedData } from "../data/node/chain.ts";
import { MAX_SIZE, MIN_SIZE } from "../data/node/custom-data-options.ts";
import type { TrainingDataOptions } from "../data/training-data.ts";
import { UserError } from "../errors.ts";
import type { Backbone } from "../formats/backbone.ts";
import { MAX_VIEWS, type Recipe } from "../recipes/recipe.ts";
import { TRANSFER, transfer } from "../recipes/transfer.ts";
import { recipeNamed } from "../runs/node/recipe-file.ts";
import { nodeRuntime } from "../runtime/node/index.ts";
import { count } from "../text.ts";
import { chooseBackboneRange } from "../training/node/choose-backbone-range.ts";
import { type ChoiceOptions, chooseWeightDecay } from "../training/node/choose-weight-decay.ts";
import { BACKBONE_RANGES, type OpenedBackbone, openBackbone } from "../training/node/open-backbone.ts";
import type { OptionSpec, OptionsOf } from "./command.ts";
import { onlyWholeNetworks } from "./fine-tuning.ts";
import type { Output } from "./output.ts";
import { threads, wholeNumber } from "./parse.ts";
import { whileReading } from "./reading-display.ts";
import { flag } from "./wording.ts";

/** MobileNetV4-conv-small, trained on ImageNet: 15 MB, Apache-2.0. */
const DEFAULT_BACKBONE = "hf:onnx-community/mobilenetv4_conv_small.e2400_r224_in1k";

export const BACKBONE_RANGE_OPTION = {
  flags: "--backbone-range <range>",
  description: "values that its images were trained with",
  choices: BACKBONE_RANGES,
  default: "from the file or a configuration next to it, otherwise the one of least validation loss",
} as const satisfies OptionSpec;

/** What `transfer` starts from. */
export const BACKBONE_OPTIONS = [
  {
    flags: "--backbone <file>",
    description:
      "for the recipe transfer: the ONNX file of a pretrained network, or hf:OWNER/NAME[/FILE][@REVISION] on Hugging Face; with #NAME cut at that value instead of the input of its last dense layer",
    default: DEFAULT_BACKBONE,
  },
  BACKBONE_RANGE_OPTION,
  {
    flags: "--backbone-pooling <how>",
    description: "of a transformer's tokens: the first (its class token), or the mean of all tokens",
    choices: ["token", "tokens"],
    default: "token where there is a class token",
  },
  {
    flags: "--hidden <units>",
    description: "for the recipe transfer: a hidden layer of so many units in its head",
    default: "none, a linear classifier",
  },
  {
    flags: "--views <k>",
    description: `for the recipe transfer: train on k views of each picture, itself and k - 1 augmented as by photos, 1 to ${MAX_VIEWS}`,
    default: "1",
  },
] as const satisfies readonly OptionSpec[];

type BackboneTyped = OptionsOf<typeof BACKBONE_OPTIONS> & {
  size: string | undefined;
  threads: string | undefined;
  weights?: string | undefined;
};
const NAMES = ["backbone", "backboneRange", "backbonePooling", "hidden", "views"] as const;

/** A recipe, the file that it is from, and whether its backbone's range of pixels is yet to be chosen. */
interface TypedRecipe {
  readonly recipe: Recipe;
  readonly recipeFile?: string;
  readonly isRangeSupposed: boolean;
}

/**
 * The recipe of an argument: the name of a built-in one, a recipe's file, or `transfer` on the network that the options
 * name.
 *
 * @throws UserError when the options are for another recipe, or the network is unsuitable
 */
export async function recipeTyped(word: string, options: BackboneTyped, output: Output): Promise<TypedRecipe> {
  if (word !== TRANSFER) {
    const given = NAMES.find((name) => options[name] !== undefined);
    if (given)
      throw new UserError(`${flag(given)} is for the recipe ${TRANSFER}; leave it out, or train ${TRANSFER}`, {
        exitCode: 2,
      });
    return { ...(await recipeNamed(word)), isRangeSupposed: false };
  }
  if (options.weights !== undefined) throw onlyWholeNetworks("weights");
  const head = {
    hidden: wholeNumber(options, "hidden"),
    views: wholeNumber(options, "views", { most: MAX_VIEWS }),
  };
  const { backbone, rangeFrom, isRangeSupposed } = await openBackbone(options.backbone ?? DEFAULT_BACKBONE, {
    range: options.backboneRange,
    pooling: options.backbonePooling,
    size: wholeNumber(options, "size", { least: MIN_SIZE, most: MAX_SIZE }),
    threads: threads(options),
    report: output.note,
  }).catch((error: unknown) => {
    if (!(error instanceof UserError) || options.backbone !== undefined) throw error;
    throw new UserError(
      `${error.message}. That is the usual backbone of ${TRANSFER}; without a network, name the ONNX file of one with --backbone (docs/transfer.md)`,
      { cause: error },
    );
  });
  const pixels = isRangeSupposed ? "" : `; pixels: ${rangeText(rangeFrom, options)}`;
  output.note(`${backboneText(backbone)}${pixels}`);
  return { recipe: transfer(backbone, head), isRangeSupposed };
}

/** Where the range of a backbone's pixels is from, and how to give another. */
function rangeText(from: string, { backboneRange }: OptionsOf<readonly [typeof BACKBONE_RANGE_OPTION]>): string {
  return backboneRange === undefined ? `${from} (${flag("backboneRange")} gives another)` : from;
}

/**
 * The networks that are named to be offered to clients; says what each gives.
 *
 * @throws UserError when one is unsuitable, or there are options about them and none is named
 */
export async function backbonesTyped(
  options: OptionsOf<readonly [typeof BACKBONE_RANGE_OPTION]> & {
    backbone: readonly string[] | undefined;
    threads: string | undefined;
  },
  output: Output,
): Promise<OpenedBackbone[]> {
  const { backbone: places = [], backboneRange: range } = options;
  if (range !== undefined && places.length === 0) {
    throw new UserError("--backbone-range is about a backbone; name its file with --backbone", { exitCode: 2 });
  }
  const opened: OpenedBackbone[] = [];
  for (const place of places) {
    const one = await openBackbone(place, {
      range,
      threads: threads(options),
      report: output.note,
    });
    const here = one.isRangeSupposed ? "; a training on the server chooses it by its validation images" : "";
    output.note(`${backboneText(one.backbone)}; pixels: ${rangeText(one.rangeFrom, options)}${here}`);
    opened.push(one);
  }
  return opened;
}

/** The recipe with its backbone's range of pixels chosen on the validation images, where its file does not say it. */
export async function withPixelRange(
  { recipe, isRangeSupposed }: Pick<TypedRecipe, "recipe" | "isRangeSupposed">,
  data: LoadedData,
  split: TrainingDataOptions,
  options: BackboneTyped,
  output: Output,
): Promise<Recipe> {
  if (!isRangeSupposed) return recipe;
  const chosen = await whileReading(
    output,
    (onImages) => chooseBackboneRange(recipe, data, split, choiceOptions(options, output, onImages)),
    { doing: "range of pixels, features of", done: "pictures done" },
  );
  const losses = chosen.tried.map(({ range, loss }) => `${range}: ${loss?.toFixed(3) ?? "failed"}`).join(", ");
  const from =
    chosen.range === null
      ? "imagenet, supposed, as neither the file says it nor validation images can; a wrong range costs accuracy"
      : `${chosen.range}, chosen by the validation loss, as the file does not say (${losses})`;
  output.note(`pixels: ${rangeText(from, options)}`);
  return chosen.recipe;
}

const choiceOptions = (
  options: BackboneTyped,
  output: Output,
  onImages: (done: number, total: number) => void,
): ChoiceOptions => ({ threads: threads(options), runtime: nodeRuntime, report: output.note, onImages });

/** The recipe with a weight decay chosen on the validation images, where it is to be chosen; says which. */
export async function withWeightDecay(
  recipe: Recipe,
  data: LoadedData,
  split: TrainingDataOptions,
  options: BackboneTyped,
  output: Output,
): Promise<Recipe> {
  const chosen = await whileReading(
    output,
    (onImages) => chooseWeightDecay(recipe, data, split, choiceOptions(options, output, onImages)),
    { doing: "features of", done: "pictures done" },
  );
  if (chosen.tried.length > 0) {
    const losses = chosen.tried.map(({ weightDecay, loss }) => `${weightDecay}: ${loss.toFixed(3)}`).join(", ");
    output.note(`weight decay ${weightDecayOf(chosen.recipe)}, chosen by the validation loss (${losses})`);
  }
  return chosen.recipe;
}

const weightDecayOf = ({ optimizer }: Recipe) => ("weightDecay" in optimizer ? optimizer.weightDecay : undefined);

function backboneText({ file, source = file, tensor, pooling, features, input }: Backbone): string {
  const pooled = { none: "", places: ", mean over places", token: ", first token", tokens: ", mean over tokens" }[
    pooling
  ];
  const { channels, height, width } = input;
  return `backbone ${source}: ${count(features)} features at "${tensor}"${pooled}, of ${channels}x${height}x${width} images`;
}
