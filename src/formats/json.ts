import type { z } from "zod";

/** Checks of untrusted JSON that `JSON.parse` and `JSON.stringify` do not make. */

/**
 * The keys of a JSON text in written order. `JSON.parse` alone keeps only the last of two equal keys and moves keys
 * like "10" to the front, so other readers could interpret a file differently.
 */
export interface JsonKeys {
  /** The keys of the outermost object, in order; empty when the text is not an object. */
  readonly keys: string[];
  /** The first key that occurs twice in one object, at any depth; null if there is none. */
  readonly repeated: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const LONGEST_QUOTE = 80;

/**
 * Finds the keys in one pass over the text, without recursion.
 *
 * @param json text that `JSON.parse` has accepted
 */
export function jsonKeys(json: string): JsonKeys {
  const outermost = new Set<string>();
  // Stack of the open objects and arrays: the keys seen in an object, null for an array.
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === "{") open.push(open.length === 0 ? outermost : new Set());
    else if (character === "[") open.push(null);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = stringEnd(json, i);
      if (isKey(json, end)) {
        const key: string = JSON.parse(json.slice(i, end));
        const seen = open.at(-1);
        if (seen?.has(key)) return { keys: [...outermost], repeated: key };
        seen?.add(key);
      }
      i = end - 1;
    }
  }
  return { keys: [...outermost], repeated: null };
}

/**
 * A value from a file as one short line for an error message: control characters are escaped, long text is truncated,
 * and nested values are omitted, since a hostile file can be nested deeper than the call stack allows.
 */
export function quote(value: unknown): string {
  const flat = Array.isArray(value) ? value.slice(0, LONGEST_QUOTE).map(withoutContent) : withoutContent(value);
  const text = flat === undefined ? "nothing" : typeof flat === "number" ? String(flat) : JSON.stringify(flat);
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}...`;
}

function withoutContent(value: unknown): unknown {
  if (Array.isArray(value)) return "[...]";
  switch (typeof value) {
    case "object":
      return value === null ? null : "{...}";
    // Not in JSON, but possible in a recipe written in JavaScript.
    case "function":
      return "(function)";
    case "bigint":
    case "symbol":
      return String(value);
    default:
      return value;
  }
}

/** JSON with sorted keys at every level, for comparison. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** The index after the closing quote of the string that starts at `start`. */
function stringEnd(json: string, start: number): number {
  let i = start + 1;
  while (json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i + 1;
}

/** Whether the string that ends before `end` is a key, that is, followed by a colon. */
function isKey(json: string, end: number): boolean {
  let i = end;
  while (json.charCodeAt(i) <= 0x20) i++;
  return json.charCodeAt(i) === COLON;
}

/** The first issue, as `field "cpu.cores": expected number, found "two"`, and the number of the others. */
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
