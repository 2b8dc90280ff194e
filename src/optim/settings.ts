import { UserError } from "../errors.ts";

/** @throws UserError unless 0 <= value < 1 */
export function requireFraction(optimizer: string, name: string, value: number): void {
  if (!(value >= 0 && value < 1)) {
    throw new UserError(`${optimizer}: ${name} must be at least 0 and below 1, got ${value}`, { exitCode: 2 });
  }
}

/** @throws UserError unless value >= 0 and finite */
export function requireNonNegative(optimizer: string, name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new UserError(`${optimizer}: ${name} must be a number from 0 up, got ${value}`, { exitCode: 2 });
  }
}
