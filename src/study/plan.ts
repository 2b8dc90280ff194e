import type { FittedRecipe } from "../recipes/fit-to-images.ts";
import { findRecipe } from "../recipes/index.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** What `tailor study` is asked for. */
export interface StudyOptions {
  /** The folder that everything goes into. */
  readonly out: string;
  /** A small study: fewer images and epochs. */
  readonly isQuick: boolean;
  /** The study's own recipes too. */
  readonly isFaithful: boolean;
  /** Seeds 1 to so many, each. */
  readonly seeds: number;
}

/** A run that a study consists of. */
export interface PlannedRun {
  readonly recipe: Recipe;
  /** What of the recipe was fitted to the number of images; left out: nothing was. */
  readonly fittedFrom?: FittedRecipe["fittedFrom"] | undefined;
  /** The file that exports it, where it is not one of tailor's. */
  readonly recipeFile?: string | undefined;
  readonly seed: number;
  /** Its folder. */
  readonly path: string;
  readonly trainOn: "split" | "all";
  /** Training images to use; null: all. */
  readonly limit: number | null;
}

/** Two recipes of which the second is set against the first. */
export interface RecipePair {
  readonly base: string;
  readonly enhanced: string;
}

export const OUR_PAIR: RecipePair = { base: "base", enhanced: "enhanced" };
export const SEED_PAIR: RecipePair = { base: "base-seed", enhanced: "enhanced-seed" };

/** A quick study: about two minutes on two cores. */
export const QUICK = { epochs: 4, images: 20_000 };

/** What a run trains, whatever its seed. */
export type SeedlessRun = Omit<PlannedRun, "seed" | "path">;

/** A run with seeds 1 to `seeds`, each in a folder of its own. */
export function planSeeds(
  run: SeedlessRun,
  { seeds, pathOf }: { readonly seeds: number; readonly pathOf: (seed: number) => string },
): PlannedRun[] {
  return Array.from({ length: seeds }, (_, i) => ({ ...run, seed: i + 1, path: pathOf(i + 1) }));
}

/**
 * Runs in the order in which they are trained: seed by seed, so that what is interrupted has whole sets.
 *
 * @param sets each with the same seeds
 */
export function seedBySeed(sets: readonly (readonly PlannedRun[])[]): PlannedRun[] {
  return (sets[0] ?? []).flatMap((_, i) => sets.map((runs) => runs[i]!));
}

/**
 * The runs of a study, in the order in which they are trained.
 *
 * @param images how many there are to train with
 */
export function planStudy({ out, isQuick, isFaithful, seeds }: StudyOptions, images: number): PlannedRun[] {
  const pairs = isFaithful ? [OUR_PAIR, SEED_PAIR] : [OUR_PAIR];
  const names = pairs.flatMap(({ base, enhanced }) => [base, enhanced]);
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
