import { UserError } from "../errors.ts";

/**
 * Validates a layer's options, for recipes in plain JavaScript: without a compiler, a misspelt option would silently be
 * ignored.
 *
 * @param options as given @param allowed names of all options @param needed names of those without a default
 * @throws UserError when `options` is not an object, an option is unknown, or a needed one is missing
 */
export function requireOptions(
  layer: string,
  options: unknown,
  allowed: readonly string[],
  needed: readonly string[] = [],
): void {
  const wrong = (text: string) => new UserError(`${layer}: ${text}`, { exitCode: 2 });
  const known = `its options are ${allowed.join(", ")}`;
  if (typeof options !== "object" || options === null) {
    const given = options === undefined ? "there are none" : `got ${String(options)}`;
    throw wrong(`expected options in braces, such as { ${needed[0] ?? allowed[0]}: ... }, ${given}; ${known}`);
  }
  const unknown = Object.keys(options).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw wrong(`there is no option "${unknown}"; ${known}`);
  const missing = needed.find((name) => !Object.hasOwn(options, name));
  if (missing !== undefined) throw wrong(`the option ${missing} is missing; ${known}`);
}

/** @throws UserError unless `value` is a whole number from 1 up */
export function requireCount(layer: string, name: string, value: number): void {
  requireThat(Number.isInteger(value) && value >= 1, layer, name, "a whole number from 1 up", value);
}

/** @throws UserError unless 0 <= value <= 1 */
export function requireShare(layer: string, name: string, value: number): void {
  requireThat(value >= 0 && value <= 1, layer, name, "from 0 to 1", value);
}

/** @throws UserError unless value > 0 and finite */
export function requirePositive(layer: string, name: string, value: number): void {
  requireThat(Number.isFinite(value) && value > 0, layer, name, "a number above 0", value);
}

function requireThat(isGood: boolean, layer: string, name: string, allowed: string, value: number): void {
  if (!isGood) throw new UserError(`${layer}: ${name} must be ${allowed}, got ${value}`, { exitCode: 2 });
}
