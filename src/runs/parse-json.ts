/** JSON from a file, checked against a schema; what does not fit is told by file, field, expected and found. */
import type { z } from "zod";
import { UserError } from "../errors.ts";
import { quote } from "../formats/json-text.ts";

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

/** The first issue as "field "cpu.cores": expected number, found "two"", and the number of the others. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], value: unknown): string {
  const [first, ...others] = issues;
  if (first === undefined) return "no problem";
  const path = first.code === "unrecognized_keys" ? [...first.path, first.keys[0]!] : first.path;
  const expected =
    first.code === "unrecognized_keys"
      ? "expected no such field"
      : first.message.replace(/^Invalid (input|option): |^(Too (big|small): )/, "").replace(/, received .*$/, "");
  const field = path.length === 0 ? "" : `field "${fieldName(path)}": `;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${field}${expected}, found ${quote(valueAt(value, path))}${more}`;
}

/** `["data", "files", 0, "bytes"]` as `data.files[0].bytes`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : `${i === 0 ? "" : "."}${String(part)}`))
    .join("");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );
}
