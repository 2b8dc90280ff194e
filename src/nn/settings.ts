import { UserError } from "../errors.ts";

/** @throws UserError unless `value` is a whole number from 1 up */
export function requireCount(layer: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new UserError(`${layer}: ${name} must be a whole number from 1 up, got ${value}`, { exitCode: 2 });
  }
}
