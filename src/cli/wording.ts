import { relative, sep } from "node:path";
import { packageFile } from "../package-files.ts";
import { shellWord } from "../text.ts";
import type { OptionName, Wording } from "../wording.ts";

/** How the examples of commands call tailor: from the folder of a clone. */
const IN_A_CLONE = "node bin/tailor.js";

/** How tailor is called from here, so that what is printed can be typed. */
export const TAILOR = callOf(packageFile("bin/tailor.js"), workingFolder());

/** @param file the path of `bin/tailor.js` @param folder the working folder */
export function callOf(file: string, folder: string): string {
  if (file.split(sep).includes("node_modules")) return "npx tailor";
  const near = relative(folder, file);
  return `node ${shellWord(near.length < file.length ? near : file)}`;
}

/** Where nothing is near if the folder is deleted. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return sep;
  }
}

/** An example of a command as it is typed here. */
export function exampleText(example: string): string {
  return example.replaceAll(IN_A_CLONE, TAILOR);
}

/** Flags that are not the name in the library, written as a flag. */
const OTHER_FLAGS: Partial<Record<OptionName, string>> = {
  classNames: "--classes",
  learningRate: "--lr",
  normalization: "--mean, --std",
};

/** `batchSize` -> `--batch-size` */
export function flag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Options that change what is shown or where it is done, not the result; the queue's address may hold a password. */
const LEFT_OUT = ["json", "verbose", "queue", "shard"];

/** What to type to get the same again: the command with the options that were typed. */
export function commandLine(
  command: string,
  options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
): string {
  const words = Object.entries(options)
    .filter(([name]) => !LEFT_OUT.includes(name))
    .flatMap(([name, value]) => {
      if (typeof value === "boolean" || value === undefined) return value ? [flag(name)] : [];
      return [value].flat().flatMap((word) => [flag(name), shellWord(word)]);
    });
  return [TAILOR, command, ...words].join(" ");
}

/** Messages as the command line words them: options by their flags, and with the command to type. */
export const IN_FLAGS: Wording = {
  option(name, value) {
    const flags = OTHER_FLAGS[name] ?? flag(name);
    return value === undefined ? flags : `${flags} ${shellWord(String(value))}`;
  },
  command: (command, options) => `: ${commandLine(command, options)}`,
};
