import { UserError } from "../errors.ts";
import type { FineTune } from "../recipes/fine-tune.ts";
import { isBuiltIn } from "../recipes/index.ts";
import type { Recipe } from "../recipes/recipe.ts";
import { FINE_TUNING, startFrom } from "../recipes/start-from.ts";
import { TRANSFER } from "../recipes/transfer.ts";
import { openPretrained } from "../training/node/pretrained.ts";
import type { OptionSpec, OptionsOf } from "./command.ts";
import type { Output } from "./output.ts";
import { positiveNumber, wholeNumber } from "./parse.ts";
import { flag } from "./wording.ts";

/** How a training starts from weights, and which layers it trains when. */
export const FINE_TUNE_OPTIONS = [
  {
    flags: "--weights <file>",
    description:
      "start from these weights: safetensors with PyTorch's names, hf:OWNER/NAME[/FILE][@REVISION] on Hugging Face, or a run of the same network; a head for other classes is drawn anew",
  },
  {
    flags: "--head-epochs <n>",
    description: "with --weights: of the epochs the first n train the head alone",
    default: `${FINE_TUNING.headEpochs}`,
  },
  {
    flags: "--early-rate <factor>",
    description: "with --weights: learning rate of the first half of the layers, as a share of the head's",
    default: `${FINE_TUNING.earlyRate}`,
  },
  {
    flags: "--freeze <layers>",
    description: "with --weights: layers that are never trained, by the beginnings of their names (conv1,bn1,layer1)",
  },
  {
    flags: "--freeze-batch-norm",
    description: "with --weights: normalise by the statistics of the weights, not of each batch; they stay as they are",
  },
] as const satisfies readonly OptionSpec[];

export const FINE_TUNE_NAMES = ["weights", "headEpochs", "earlyRate", "freeze", "freezeBatchNorm"] as const;

type FineTuneTyped = OptionsOf<typeof FINE_TUNE_OPTIONS> & { readonly epochs?: string | undefined };

/**
 * The recipe, starting from the weights that are typed, if any; says how their pixels are normalised.
 *
 * @throws UserError when options for it are typed without weights, or the weights cannot be read
 */
export async function withWeights(recipe: Recipe, options: FineTuneTyped, output: Output): Promise<Recipe> {
  const typed = FINE_TUNE_NAMES.find((name) => options[name] !== undefined);
  if (typed === undefined) return recipe;
  if (recipe.backbone) {
    throw onlyWholeNetworks(typed);
  }
  const given = { ...typedFineTune(options), epochs: wholeNumber({ epochs: options.epochs }, "epochs") };
  if (options.weights === undefined) {
    if (recipe.pretrained) return startFrom(recipe, recipe.pretrained, given);
    throw new UserError(`${flag(typed)} goes with --weights: layers that start from nothing must all be trained`, {
      exitCode: 2,
    });
  }
  const { pretrained, normalizedAs } = await openPretrained(options.weights, recipe.model, output.note);
  const { normalization, file, source = file } = pretrained;
  const numbers = normalization
    ? ` (mean ${normalization.mean.join(", ")}; standard deviation ${normalization.standardDeviation.join(", ")})`
    : "";
  output.note(`weights: ${source}; pixels are normalised as ${normalizedAs}${numbers}`);
  return startFrom(recipe, pretrained, { ...given, isShortened: isBuiltIn(recipe) });
}

/** The error of an option that a frozen backbone has no use for. */
export function onlyWholeNetworks(option: (typeof FINE_TUNE_NAMES)[number]): UserError {
  return new UserError(
    `${flag(option)} is for whole networks, but ${TRANSFER} leaves its backbone as it is; leave it out, or train another recipe`,
    { exitCode: 2 },
  );
}

function typedFineTune(options: FineTuneTyped): FineTune {
  const headEpochs = wholeNumber(options, "headEpochs", { least: 0 });
  const earlyRate = positiveNumber(options, "earlyRate");
  return {
    ...(headEpochs === undefined ? {} : { headEpochs }),
    ...(earlyRate === undefined ? {} : { earlyRate }),
    ...frozenLayers(options),
  };
}

/** What is typed of frozen layers. @throws UserError when a name is empty */
export function frozenLayers({
  freeze,
  freezeBatchNorm,
}: Pick<FineTuneTyped, "freeze" | "freezeBatchNorm">): Pick<FineTune, "frozen" | "batchNorm"> {
  const frozen = freeze?.split(",").map((name) => name.trim());
  if (frozen?.includes("")) {
    throw new UserError(`--freeze must be names of layers with commas between, got "${freeze}"`, { exitCode: 2 });
  }
  return { ...(frozen ? { frozen } : {}), ...(freezeBatchNorm === true ? { batchNorm: "frozen" } : {}) };
}
