import { readFileSync } from "node:fs";
import { UserError } from "../../errors.ts";

/**
 * Reads class names from a UTF-8 text file: one per line, in the order of the labels. Spaces around a name and empty
 * lines at the end are ignored; other empty lines stand for labels without a name.
 *
 * @throws UserError naming the line, when the file cannot be read, is not text, or contains a name twice
 */
export function readClassNames(file: string): string[] {
  const names = textOf(file)
    .trimEnd()
    .split(/\r?\n/)
    .map((name) => name.trim());
  const form = "expected the name of a class on each line, for labels 0, 1, 2, ...";
  const again = names.findIndex((name, i) => name !== "" && names.indexOf(name) < i);
  if (again >= 0) {
    throw new UserError(
      `${file}: lines ${names.indexOf(names[again]!) + 1} and ${again + 1} are both "${names[again]}"; ${form}`,
    );
  }
  return names;
}

function textOf(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new UserError(
      `${file} cannot be read (${reason}): mend it, or remove it and classes are called by their labels`,
      {
        cause,
      },
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UserError(`${file} is not text in UTF-8; save it so`, { cause });
  }
}
