import { UserError } from "../errors.ts";
import { randomStream } from "../random.ts";
import type { FieldValue, RecipeChanges } from "../recipes/recipe-fields.ts";

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
 * Parses the value of `--over`: `field=a,b,c`, or `field=low..high`.
 *
 * A value is a number, true, false, a list in brackets, `none` (removes the field), or else a word.
 *
 * @throws UserError with exit code 2 when it is neither
 */
export function parseVariation(text: string): Variation {
  const refuse = (problem: string) =>
    new UserError(`--over ${problem}, got "${text}"; write field=a,b,c or field=low..high`, { exitCode: 2 });
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
        `${variation.field} has a range, and a grid takes values; list some, or draw from it with --random N`,
        { exitCode: 2 },
      );
    }
    if (grid.length * variation.values.length > MAX_CANDIDATES) {
      throw new UserError(
        `the grid has more than ${MAX_CANDIDATES} candidates; vary less, or draw some with --random N`,
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
