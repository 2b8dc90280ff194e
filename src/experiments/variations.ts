/** What a sweep varies, and the candidates that it tries. */
import { UserError } from "../errors.ts";
import { randomStream } from "../random.ts";
import type { Recipe } from "../recipes/recipe.ts";
import {
  applicableChanges,
  changeableFields,
  changeRecipe,
  changesText,
  type FieldValue,
  isKind,
  type RecipeChanges,
} from "../recipes/recipe-fields.ts";

/** A recipe's field that a sweep varies: over listed values, or over a range to draw from. */
export type Variation = { readonly field: string } & (
  | { readonly kind: "list"; readonly values: readonly FieldValue[] }
  | { readonly kind: "range"; readonly low: number; readonly high: number }
);

/** Upper bound for candidates. */
export const MAX_CANDIDATES = 1000;

/** Seed of draws, so that the same command draws the same candidates. */
const DRAW_SEED = 1;
/** Significant digits of a drawn number: more do not affect training, and lengthen names and tables. */
const DRAWN_DIGITS = 3;

/**
 * A variation as text: `field=a,b,c`, or `field=low..high`.
 *
 * A value is a number, true, false, a list in brackets, `none` (removes the field), or else a word.
 *
 * @throws UserError with exit code 2 when it is neither
 */
export function parseVariation(text: string): Variation {
  const refuse = (problem: string) =>
    new UserError((w) => `${w.option("over")} ${problem}, got "${text}"; write field=a,b,c or field=low..high`, {
      exitCode: 2,
    });
  const [, field, given] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (field === undefined || given === undefined) throw refuse("must name a field and its values");
  const range = /^([^,[]+)\.\.([^,]+)$/.exec(given);
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    if (!(low > 0 && high > low && high < Number.POSITIVE_INFINITY))
      throw refuse("takes a range of two numbers above 0, the smaller first");
    return { kind: "range", field, low, high };
  }
  // Commas inside brackets belong to a list that is one value.
  const words = given.split(/,(?![^[]*\])/).map((word) => word.trim());
  if (words.some((word) => word === "" || listItems(word)?.includes(""))) throw refuse("has an empty value");
  if (words.some((word) => /^[^[]+\.\./.test(word))) throw refuse("takes values or one range, not both");
  const values = words.map(parseValue);
  if (new Set(values.map((value) => JSON.stringify(value))).size < values.length) throw refuse("has a value twice");
  return { kind: "list", field, values };
}

function parseValue(word: string): FieldValue {
  if (word === "none") return null;
  if (word === "true" || word === "false") return word === "true";
  const items = listItems(word);
  if (items) return items.map(Number);
  return Number.isFinite(Number(word)) ? Number(word) : word;
}

/** The items of a list in brackets; undefined for other values. */
function listItems(word: string): string[] | undefined {
  const inside = /^\[(.*)\]$/.exec(word)?.[1];
  return inside?.split(",").map((item) => item.trim());
}

/**
 * Every combination of the listed values, the last field changing fastest.
 *
 * @throws UserError with exit code 2 when there is a range, or there are too many
 */
export function gridOf(variations: readonly Variation[]): RecipeChanges[] {
  let grid: RecipeChanges[] = [{}];
  for (const variation of variations) {
    if (variation.kind === "range") {
      throw new UserError(
        (w) =>
          `${variation.field} has a range, and a grid takes values; list some, or draw from it with ${w.option("random", "N")}`,
        { exitCode: 2 },
      );
    }
    if (grid.length * variation.values.length > MAX_CANDIDATES) {
      throw new UserError(
        (w) =>
          `the grid has more than ${MAX_CANDIDATES} candidates; vary less, or draw some with ${w.option("random", "N")}`,
        { exitCode: 2 },
      );
    }
    grid = grid.flatMap((changes) => variation.values.map((value) => ({ ...changes, [variation.field]: value })));
  }
  return grid;
}

/**
 * Draws candidates, each field independently: ranges log-uniformly (Bergstra and Bengio 2012), lists uniformly. Ranges
 * with integer ends give integers. A larger count begins with the same candidates.
 *
 * @param applied the applicable changes of a candidate; candidates with the same ones are duplicates
 * @returns `count` different candidates, or fewer if there are no more
 */
export function drawCandidates(
  variations: readonly Variation[],
  count: number,
  applied: (changes: RecipeChanges) => RecipeChanges = (changes) => changes,
): RecipeChanges[] {
  const drawn = new Map<string, RecipeChanges>();
  const mostDraws = 100 * count;
  for (let draw = 0; draw < mostDraws && drawn.size < count; draw++) {
    const stream = randomStream(DRAW_SEED, "sweep", draw);
    const changes = applied(
      Object.fromEntries(
        variations.map((variation) => [
          variation.field,
          variation.kind === "list"
            ? variation.values[stream.below(variation.values.length)]!
            : between(variation, stream.uniform()),
        ]),
      ),
    );
    drawn.set(JSON.stringify(changes), changes);
  }
  return [...drawn.values()];
}

function between({ low, high }: { low: number; high: number }, share: number): number {
  const value = low * (high / low) ** share;
  return Number.isInteger(low) && Number.isInteger(high)
    ? Math.round(value)
    : Math.min(high, Math.max(low, Number(value.toPrecision(DRAWN_DIGITS))));
}

/** A recipe with some fields changed: one of those that a sweep tries. */
export interface Candidate {
  readonly changes: RecipeChanges;
  readonly recipe: Recipe;
}

/**
 * Checks that some candidate can have each field that is varied: a field of another kind than those that are tried would
 * be left out of all.
 *
 * @throws UserError with exit code 2 that names the field
 */
export function checkFields(recipe: Recipe, variations: readonly Variation[]): void {
  const kinds = variations.filter(({ field, kind }) => kind === "list" && isKind(field));
  const choices = gridOf(kinds);
  for (const variation of variations) {
    const { field } = variation;
    const value = variation.kind === "list" ? variation.values[0]! : variation.low;
    if (choices.some((kind) => field in applicableChanges(recipe, { [field]: value, ...kind }))) continue;
    // What the recipe never has is refused with what it has.
    if (!changeableFields(recipe).includes(field)) changeRecipe(recipe, { [field]: value });
    throw new UserError(`no candidate has the field "${field}": it goes with other kinds than those that are tried`, {
      exitCode: 2,
    });
  }
}

/**
 * Candidates of the changes, each without the fields that it does not have where others do: another kind of optimizer has
 * other fields. What is then the same comes once.
 *
 * @throws UserError with exit code 2 when a field or value is refused, or there is nothing to choose between
 */
export function candidatesOf(recipe: Recipe, variations: readonly RecipeChanges[]): Candidate[] {
  const applied = variations.map((changes) => applicableChanges(recipe, changes));
  const different = [...new Map(applied.map((changes) => [JSON.stringify(changes), changes])).values()];
  if (different.length < 2) {
    throw new UserError((w) => `a sweep needs at least two candidates; give ${w.option("over")} more values`, {
      exitCode: 2,
    });
  }
  return different.map((changes) => ({
    changes,
    recipe: { ...changeRecipe(recipe, changes), name: `${recipe.name} ${changesText(changes)}` },
  }));
}
