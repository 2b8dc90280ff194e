/** What a schema finds wrong with a value, in one line. */
import type { z } from "zod";
import { quote } from "./json-text.ts";

/** The first issue as "field "cpu.cores": expected number, found "two"", and the number of the others. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], value: unknown): string {
  const [first, ...others] = issues;
  if (first === undefined) return "no problem";
  const path = first.code === "unrecognized_keys" ? [...first.path, first.keys[0]!] : first.path;
  const expected =
    first.code === "unrecognized_keys"
      ? "expected no such field"
      : first.message
          .replace(/^Invalid (input|option): |^Too (big|small): |^Invalid discriminator value\. /, "")
          .replace(/^Expected/, "expected")
          .replace(/, received .*$/, "");
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
