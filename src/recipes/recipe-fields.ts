import { z } from "zod";
import { UserError } from "../errors.ts";
import { type Recipe, recipeToJson } from "./recipe.ts";
import { recipeFromJson, recipeSchema } from "./recipe-json.ts";

/** Changing a recipe field by field, each by its path: `learningRate`, `optimizer.momentum`. */

/** Value of a field; null removes an optional field. */
export type FieldValue = number | string | boolean | readonly number[] | null;

/** Changed fields of a recipe, by path. */
export type RecipeChanges = Readonly<Record<string, FieldValue>>;

type Json = Record<string, unknown>;

/** The part of JSON Schema that zod generates for a recipe. */
interface FieldSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  /** Names of the required properties. */
  readonly required?: readonly string[];
  /** The alternatives of an object with a `kind`. */
  readonly oneOf?: readonly FieldSchema[];
  readonly const?: unknown;
}

const schema: FieldSchema = z.toJSONSchema(recipeSchema) as FieldSchema;

/** Fields that identify a recipe and do not affect training. */
const IDENTITY = ["name", "description"];

/** Paths of the fields that a recipe has or may have; for an object with a kind, those of its kind. */
export function changeableFields(recipe: Recipe): string[] {
  return pathsOf(schema, recipeToJson(recipe), []).filter((path) => !IDENTITY.includes(path));
}

function pathsOf(field: FieldSchema, value: unknown, path: readonly string[]): string[] {
  const { properties } = formOf(field, value);
  if (!properties) return [path.join(".")];
  return Object.entries(properties).flatMap(([name, inner]) => pathsOf(inner, at(value, name), [...path, name]));
}

/** The alternative with the value's kind; the schema itself where there are no alternatives. */
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
 * Drops changes of fields that the changed recipe does not have: `optimizer.betas` when `optimizer.kind` becomes `sgd`,
 * `averaging.decay` when averaging is removed.
 */
export function applicableChanges(recipe: Recipe, changes: RecipeChanges): RecipeChanges {
  const json = structuredClone(recipeToJson(recipe));
  const entries = kindsFirst(changes);
  for (const [path, value] of entries) if (isKind(path)) setField(json, path, value, recipe);
  const missing = entries.flatMap(([path, value]) => partLeftOut(json, path, value) ?? []);
  const isApplicable = ([path, value]: [string, FieldValue]) =>
    // A change of a whole object is kept, and rejected later unless it is null.
    isOptionalPart(json, path) ||
    partLeftOut(json, path, value) !== undefined ||
    (isChangeable(json, path) && !missing.some((part) => path.startsWith(`${part}.`)));
  return Object.fromEntries(Object.entries(changes).filter(isApplicable));
}

/** The optional object that a null at this path removes: given by its own path or by that of its kind. */
function partLeftOut(json: Json, path: string, value: FieldValue): string | undefined {
  if (value !== null) return undefined;
  return [path, path.replace(/\.kind$/, "")].find((part) => isOptionalPart(json, part));
}

/**
 * Changes fields of a recipe. A new `kind` replaces its object, whose other fields then come from the changes; null
 * removes an optional field or object, as does null for the kind of such an object.
 *
 * @throws UserError with exit code 2 for an unknown field, listing the known ones, and for an invalid value
 */
export function changeRecipe(recipe: Recipe, changes: RecipeChanges): Recipe {
  const json = structuredClone(recipeToJson(recipe));
  for (const [path, value] of kindsFirst(changes)) setField(json, path, value, recipe);
  try {
    const where = `recipe ${recipe.name} with ${changesText(changes)}`;
    // A custom model cannot be found by name; that of a head follows from its fields.
    const isOther = changes.model !== undefined || changes.hidden !== undefined;
    return recipeFromJson(json, where, isOther ? undefined : recipe.model);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(error.message, { exitCode: 2, cause: error });
    throw error;
  }
}

/** Whether a field determines which other fields its object has. */
export function isKind(path: string): boolean {
  return path.endsWith(".kind");
}

/** Kinds first, as they determine which other fields there are. */
function kindsFirst(changes: RecipeChanges): [string, FieldValue][] {
  return Object.entries(changes).toSorted(([a], [b]) => Number(isKind(b)) - Number(isKind(a)));
}

function isChangeable(json: Json, path: string): boolean {
  return pathsOf(schema, json, []).includes(path) && !IDENTITY.includes(path);
}

function setField(json: Json, path: string, value: FieldValue, recipe: Recipe): void {
  const leftOut = partLeftOut(json, path, value);
  if (leftOut !== undefined) {
    remove(json, leftOut.split("."));
    return;
  }
  if (isOptionalPart(json, path)) {
    const own = pathsOf(schema, json, []).filter((field) => field.startsWith(`${path}.`));
    throw new UserError(`"${path}" takes none only; its fields are ${own.join(", ")}`, { exitCode: 2 });
  }
  if (!isChangeable(json, path)) {
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
  if (last === "kind" && part.kind !== value) for (const name of Object.keys(part)) delete part[name];
  if (value === null) delete part[last];
  else part[last] = value;
}

/** Whether the path is that of an optional object, such as averaging. */
function isOptionalPart(json: Json, path: string): boolean {
  let [field, value, isOptional]: [FieldSchema | undefined, unknown, boolean] = [schema, json, false];
  for (const name of path.split(".")) {
    const form: FieldSchema = formOf(field!, value);
    field = form.properties?.[name];
    if (!field) return false;
    isOptional = form.required?.includes(name) !== true;
    value = at(value, name);
  }
  return isOptional && (field?.properties ?? field?.oneOf) !== undefined;
}

function remove(json: Json, names: readonly string[]): void {
  const outer = names.slice(0, -1).reduce<unknown>(at, json);
  if (isJson(outer)) delete outer[names.at(-1)!];
}

/** `0.002`, `[0.9,0.99]`, `none`: as a sweep takes it. */
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
