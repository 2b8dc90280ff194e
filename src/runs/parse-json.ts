/** JSON from a file, checked against a schema; what does not fit is told by file, field, expected and found. */
import type { z } from "zod";
import { UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";

/** The text as JSON, of any form yet. */
export function parseJson(text: string, where: string, todo: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${where}: expected JSON, found something else (${reason}); ${todo}`, { cause });
  }
}

/**
 * The value as the schema describes it.
 *
 * @param where what error messages call the place: the file, with the line where that matters
 * @param todo what the user can do about a damaged file
 * @throws UserError with the first field that does not fit, and how many more there are
 */
export function checkJson<T>(schema: z.ZodType<T>, value: unknown, where: string, todo: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(`${where}: ${describeIssues(result.error.issues, value)}; ${todo}`, { cause: result.error });
}
