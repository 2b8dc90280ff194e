import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { entriesOf } from "./picture-files.ts";

/** Labels are bytes. */
export const MAX_CLASSES = 256;
/** Files that may name the classes 0, 1, 2 ..., in the order in which they are looked for. */
const NAMES_FILES = ["classes.txt", "labels.txt"] as const;

/** The names of classes that are numbers, from a file in the folder; undefined where there is none. */
export function namesBeside(folder: string): { readonly names: readonly string[]; readonly file: string } | undefined {
  const present = entriesOf(folder).map(({ name }) => name);
  const name = NAMES_FILES.find((file) => present.includes(file));
  return name && { names: readClassNames(join(folder, name)), file: join(folder, name) };
}

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
