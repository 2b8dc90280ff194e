import { findRecipe } from "../../recipes/index.ts";
import { type PlannedRun, planSeeds, seedBySeed } from "../planned-run.ts";

/** Options of `tailor study`. */
export interface StudyOptions {
  /** The output folder. */
  readonly out: string;
  /** A small study: fewer images and epochs. */
  readonly isQuick: boolean;
  /** The study's own recipes too. */
  readonly isFaithful: boolean;
  /** ResNet18 too, as the study's benchmark, and the champion beside it. */
  readonly isWithResNet18: boolean;
  /** Number of seeds of each recipe, from 1. */
  readonly seeds: number;
}

/** Two recipes; the second is compared with the first. */
export interface RecipePair {
  readonly base: string;
  readonly enhanced: string;
}

export const OUR_PAIR: RecipePair = { base: "base", enhanced: "enhanced" };
export const REPEATED_STUDY_PAIR: RecipePair = { base: "base-study", enhanced: "enhanced-study" };

/** Recipes that are compared with ResNet18, and those of ResNet18: with our recipe and as published. */
export const RESNET18_COMPARISON = {
  ours: ["enhanced", "champion"],
  resnet18: ["resnet18", "resnet18-kefth", "resnet18-kefth-published"],
} as const;

/** A quick study: about two minutes on two cores. */
export const QUICK = { epochs: 4, images: 20_000 };

/**
 * The runs of a study, in training order.
 *
 * @param images number of available training images
 */
export function planStudy(
  { out, isQuick, isFaithful, isWithResNet18, seeds }: StudyOptions,
  images: number,
): PlannedRun[] {
  const pairs = isFaithful ? [OUR_PAIR, REPEATED_STUDY_PAIR] : [OUR_PAIR];
  const compared = isWithResNet18 ? [...RESNET18_COMPARISON.ours, ...RESNET18_COMPARISON.resnet18] : [];
  const names = [...new Set([...pairs.flatMap(({ base, enhanced }) => [base, enhanced]), ...compared])];
  const limit = isQuick && images > QUICK.images ? QUICK.images : null;
  return seedBySeed(
    names.map((name) => {
      const recipe = isQuick ? { ...findRecipe(name), epochs: QUICK.epochs } : findRecipe(name);
      return planSeeds(
        { recipe, trainOn: "split", limit },
        { seeds, pathOf: (seed) => `${out}/runs/${name}-s${seed}` },
      );
    }),
  );
}
