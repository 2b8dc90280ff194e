/** JSON from a file, validated against a schema; errors give file, field, expected and found value. */
import type { z } from "zod";
import { messageOf, UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";

/** Parses the text as JSON, without validation. */
export function parseJson(text: string, where: string, todo: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // It quotes the text, whose line breaks and control characters do not belong into a message.
    const reason = messageOf(cause).replace(/[\s\p{Cc}]+/gu, " ");
    throw new UserError(`${where}: expected JSON, found something else (${reason}); ${todo}`, { cause });
  }
}

/**
 * Validates a value against a schema.
 *
 * @param where the place for error messages: the file, with the line where that matters
 * @param todo what the user can do about a damaged file
 * @throws UserError with the first invalid field, and the number of others
 */
export function checkJson<T>(schema: z.ZodType<T>, value: unknown, where: string, todo: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(`${where}: ${describeIssues(result.error.issues, value)}; ${todo}`, { cause: result.error });
}
