import { UserError } from "../errors.ts";

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
