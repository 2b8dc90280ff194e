import { z } from "zod";
import { UserError } from "../errors.ts";
import { type Recipe, recipeToJson } from "./recipe.ts";
import { recipeFromJson, recipeSchema } from "./recipe-json.ts";

/** Changing a recipe field by field, each by its path: `learningRate`, `optimizer.momentum`. */

/** What a field may be given; null leaves it out. */
export type FieldValue = number | string | boolean | readonly number[] | null;

/** A recipe's fields with other values, by path. */
export type RecipeChanges = Readonly<Record<string, FieldValue>>;

type Json = Record<string, unknown>;

/** The little of JSON Schema that zod makes of a recipe's. */
interface FieldSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  /** The forms of a part with a `kind`. */
  readonly oneOf?: readonly FieldSchema[];
  readonly const?: unknown;
}

const schema: FieldSchema = z.toJSONSchema(recipeSchema) as FieldSchema;

/** Who a recipe is, not how it trains. */
const IDENTITY = ["name", "description"];

/** Paths of the fields that a recipe has or may have; of a part with a kind, those of its kind. */
export function changeableFields(recipe: Recipe): string[] {
  return pathsOf(schema, recipeToJson(recipe), []).filter((path) => !IDENTITY.includes(path));
}

function pathsOf(field: FieldSchema, value: unknown, path: readonly string[]): string[] {
  const { properties } = formOf(field, value);
  if (!properties) return [path.join(".")];
  return Object.entries(properties).flatMap(([name, inner]) => pathsOf(inner, at(value, name), [...path, name]));
}

/** The form of a part that has the value's kind; the part itself where there is one form only. */
function formOf(field: FieldSchema, value: unknown): FieldSchema {
  const forms = field.oneOf ?? [field];
  return forms.find(({ properties }) => properties?.kind?.const === at(value, "kind")) ?? forms[0]!;
}

function at(value: unknown, name: string): unknown {
  return isJson(value) ? value[name] : undefined;
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The recipe with some fields changed. A new `kind` replaces its part, whose other fields are then those of the changes.
 *
 * @throws UserError with exit code 2 for a field that the recipe cannot have, with those it can, and for a refused value
 */
export function changeRecipe(recipe: Recipe, changes: RecipeChanges): Recipe {
  const json = structuredClone(recipeToJson(recipe));
  // Kinds first: they decide which other fields there are.
  const ordered = Object.entries(changes).toSorted(([a], [b]) => Number(isKind(b)) - Number(isKind(a)));
  for (const [path, value] of ordered) setField(json, path, value, recipe);
  try {
    const where = `recipe ${recipe.name} with ${changesText(changes)}`;
    // A model of one's own has no name that could be looked up.
    return recipeFromJson(json, where, changes.model === undefined ? recipe.model : undefined);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(error.message, { exitCode: 2, cause: error });
    throw error;
  }
}

function isKind(path: string): boolean {
  return path.endsWith(".kind");
}

function setField(json: Json, path: string, value: FieldValue, recipe: Recipe): void {
  const known = pathsOf(schema, json, []);
  if (!known.includes(path) || IDENTITY.includes(path)) {
    throw new UserError(
      `there is no field "${path}" to change in recipe ${recipe.name}; there are: ${changeableFields(recipe).join(", ")}`,
      { exitCode: 2 },
    );
  }
  const names = path.split(".");
  const last = names.pop()!;
  const part = names.reduce<Json>((outer, name) => {
    const inner = outer[name];
    if (isJson(inner)) return inner;
    const made: Json = {};
    outer[name] = made;
    return made;
  }, json);
  if (last === "kind") for (const name of Object.keys(part)) delete part[name];
  if (value === null) delete part[last];
  else part[last] = value;
}

/** `0.002`, `[0.9,0.99]`, `none`: as `--over` takes it. */
export function valueText(value: FieldValue): string {
  if (value === null) return "none";
  return typeof value === "object" ? `[${value.join(",")}]` : String(value);
}

/** `learningRate=0.002 batchSize=64` */
export function changesText(changes: RecipeChanges): string {
  return Object.entries(changes)
    .map(([field, value]) => `${field}=${valueText(value)}`)
    .join(" ");
}
