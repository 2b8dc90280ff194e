/**
 * Checking the options of layers, optimizers and schedules, which also come from plain JavaScript and from files: there no
 * compiler sees a misspelt name or a text in place of a number.
 */
import { UserError } from "./errors.ts";

/** What is allowed for a value. */
export interface Rule {
  /** In words that follow "must be". */
  readonly allowed: string;
  readonly isGood: (value: unknown) => boolean;
}

/** The rules of an object's options, by name. */
export type Rules = Readonly<Record<string, Rule>>;

const number = (allowed: string, isGood: (value: number) => boolean): Rule => ({
  allowed,
  isGood: (value) => typeof value === "number" && isGood(value),
});

export const COUNT = number("a whole number from 1 up", (value) => Number.isInteger(value) && value >= 1);
export const SHARE = number("from 0 to 1", (value) => value >= 0 && value <= 1);
/** Below 1, as a momentum. */
export const FRACTION = number("at least 0 and below 1", (value) => value >= 0 && value < 1);
export const POSITIVE = number("a number above 0", (value) => Number.isFinite(value) && value > 0);
export const NOT_NEGATIVE = number("a number from 0 up", (value) => Number.isFinite(value) && value >= 0);
export const NUMBER = number("a number", Number.isFinite);
export const FLAG: Rule = { allowed: "true or false", isGood: (value) => typeof value === "boolean" };

/** One of some values. */
export function oneOf(...values: readonly (number | string)[]): Rule {
  const texts = values.map(shown);
  return {
    allowed: `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`,
    isGood: (value) => values.some((one) => one === value),
  };
}

/** One number for both axes, or two numbers; or one of some words. */
export function perAxis({ least, words = [] }: { readonly least: number; readonly words?: readonly string[] }): Rule {
  const isSize = (value: unknown) => typeof value === "number" && Number.isInteger(value) && value >= least;
  return {
    allowed: `a whole number from ${least} up, or two of them in a list${words.map((word) => `, or ${shown(word)}`).join("")}`,
    isGood: (value) =>
      isSize(value) ||
      (Array.isArray(value) && value.length === 2 && value.every(isSize)) ||
      words.some((word) => word === value),
  };
}

/** @throws UserError (exit code 2) that names the value, what is allowed, and what it is */
export function requireSetting(owner: string, name: string, value: unknown, { allowed, isGood }: Rule): void {
  if (isGood(value)) return;
  throw new UserError(`${owner}: ${name} must be ${allowed}, got ${shown(value)}`, { exitCode: 2 });
}

/**
 * Checks options; those that are undefined count as left out.
 *
 * @param owner whose options they are, for messages
 * @param options as given
 * @param rules of all options
 * @param needed names of those without a default
 * @throws UserError (exit code 2) when `options` is not an object, an option is unknown or out of range, or a needed one is
 *   missing
 */
export function requireOptions(owner: string, options: unknown, rules: Rules, needed: readonly string[] = []): void {
  const wrong = (text: string) => new UserError(`${owner}: ${text}`, { exitCode: 2 });
  const names = Object.keys(rules);
  const known = names.length === 0 ? "it has none" : `its options are ${names.join(", ")}`;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const given = options === undefined ? "there are none" : `got ${shown(options)}`;
    throw wrong(`expected options in braces, such as { ${needed[0] ?? names[0] ?? ""}: ... }, ${given}; ${known}`);
  }
  const given = new Map(Object.entries(options));
  const unknown = [...given.keys()].find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) throw wrong(`there is no option "${unknown}"; ${known}`);
  const missing = needed.find((name) => given.get(name) === undefined);
  if (missing !== undefined) throw wrong(`the option ${missing} is missing; ${known}`);
  for (const [name, rule] of Object.entries(rules)) {
    const value = given.get(name);
    if (value !== undefined) requireSetting(owner, name, value, rule);
  }
}

/** A value as it was given: texts in quotes, lists in brackets. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
