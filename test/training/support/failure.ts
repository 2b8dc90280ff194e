import { expect } from "vitest";
import { UserError } from "../../../src/errors.ts";

/** The UserError with which a promise rejects; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<UserError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  if (error instanceof UserError) return error;
  throw new Error("not reached");
}
