import { createRequire } from "node:module";
import { Command as Commander, CommanderError, Option } from "commander";
import pc from "picocolors";
import { messageOf, UserError } from "../errors.ts";
import { packageFile } from "../package-files.ts";
import type { Command, OptionValues } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { createOutput, watchStreams } from "./output.ts";
import { exampleText, IN_FLAGS } from "./wording.ts";

const { version } = createRequire(import.meta.url)(packageFile("package.json")) as { version: string };

const EXIT_FAILED = 1;
const EXIT_USED_WRONGLY = 2;

/** Colours where standard error, which errors go to, is a terminal (or FORCE_COLOR is set), unless NO_COLOR is. */
const { red } = pc.createColors(pc.isColorSupported && (process.stderr.isTTY || Boolean(process.env.FORCE_COLOR)));

/**
 * The command line: finds the command, loads its file, parses arguments and options, and runs it.
 *
 * @param argv without node and the script's own name
 * @returns the exit code: 0 success, 1 failure, 2 usage error, 130 interrupted (143 by SIGTERM)
 */
export async function main(argv: readonly string[]): Promise<number> {
  const isVerbose = argv.includes("--verbose");
  watchStreams();
  let exitCode = 0;
  const program = new Commander("tailor")
    .description("Train, compare and ship image classifiers from TypeScript, on ONNX Runtime.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(explain(text)) });
  const words = argv.filter((word) => !word.startsWith("-"));
  const isHelp = words[0] === "help";
  const wanted = isHelp ? words[1] : words[0];
  // Commander answers `help` of a command that it does not know with the help of all; without the word it refuses it.
  const isUnknown = isHelp && wanted !== undefined && COMMANDS.every(({ name }) => name !== wanted);
  try {
    for (const { name, summary, load } of COMMANDS) {
      const entry = program.command(name).description(summary);
      if (name !== wanted) continue;
      declare(entry, await load(), (code) => {
        exitCode = code;
      });
    }
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return EXIT_USED_WRONGLY;
    }
    await program.parseAsync(isUnknown ? [wanted] : [...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USED_WRONGLY;
    return fail(error, isVerbose);
  }
}

/** Says why a command failed. @returns its exit code */
export function fail(thrown: unknown, isVerbose: boolean): number {
  const error = explained(thrown);
  if (error instanceof UserError) {
    const message = error.worded(IN_FLAGS);
    const stack = error.stack?.replace(error.message, () => message);
    process.stderr.write(`${red("error:")} ${isVerbose ? stack : message}\n`);
    return error.exitCode;
  }
  const message = messageOf(error);
  const stack = error instanceof Error ? error.stack : message;
  process.stderr.write(
    isVerbose
      ? `${stack}\n`
      : `${red("error:")} ${message}\nThis is a defect of tailor's; --verbose shows where it happened.\n`,
  );
  return EXIT_FAILED;
}

/** More are needed to load a command's modules, several at a time. */
const FEW_OPEN_FILES = 256;

/** What V8, the C++ library, the loader of libraries and the system say where memory is refused. */
const NO_MEMORY =
  /out of memory|array buffer allocation failed|bad_alloc|failed to map segment|cannot allocate memory|ENOMEM/i;

/**
 * The error that says what the system withholds: memory, or open files. Any other one as it is. Modules are loaded on use, so
 * that may happen anywhere, and Node may say of a package whose files it cannot open that there is none.
 */
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const [noMemory] = NO_MEMORY.exec(error.message) ?? [];
  if (noMemory !== undefined) {
    return new UserError(
      `the system gives the process too little memory ("${noMemory}"); allow it more (ulimit -v unlimited), or close other programs`,
      { cause: error },
    );
  }
  if (!("code" in error)) return error;
  const isMissing = error.code === "ERR_MODULE_NOT_FOUND" && openFilesAllowed() < FEW_OPEN_FILES;
  if (error.code !== "EMFILE" && error.code !== "ENFILE" && !isMissing) return error;
  return new UserError(
    "too many files are open to load tailor (EMFILE); close other programs, or raise the limit (ulimit -n 1024)",
    { cause: error },
  );
}

/** The process's limit; infinite where the system has none or does not say. */
function openFilesAllowed(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft;
}

/** Commander's message on one line; for an unknown command, with the list of commands. */
function explain(text: string): string {
  const known = COMMANDS.map(({ name }) => name).join(", ");
  return `${text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replace(/^error: /, `${red("error:")} `)
    .replace(/unknown command '.*?'/, (found) => `${found}; the commands are ${known}`)}\n`;
}

function declare(entry: Commander, command: Command, finish: (code: number) => void): void {
  for (const { name, description } of command.arguments) entry.argument(name, description);
  for (const { flags, description, choices, current, isRepeatable, default: shown } of command.options) {
    // Commander shows no default of an option that stays undefined when it is left out.
    const option = new Option(flags, shown === undefined ? description : `${description} (default: ${shown})`);
    if (choices) option.choices([...choices]);
    const parse = option.parseArg;
    if (current && parse) option.argParser((word: string, sofar) => parse(current(word), sofar));
    if (isRepeatable) option.argParser((word: string, sofar: string[] = []) => [...sofar, word]);
    entry.addOption(option);
  }
  entry
    .option("--json", "print the result as one JSON object on standard output, everything else on standard error")
    .option("--verbose", "show where an error happened")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", ["", "Examples:", ...command.examples.map((line) => `  ${exampleText(line)}`)].join("\n"))
    .exitOverride()
    .action(async (...given: unknown[]) => {
      const options = entry.opts<OptionValues>();
      // One that may be repeated (`<run...>`) comes as an array.
      const args = given
        .slice(0, command.arguments.length)
        .flat()
        .map((arg) => (typeof arg === "string" ? arg : undefined));
      finish((await command.run(args, options, createOutput({ isJson: options.json === true }))) ?? 0);
    });
}
