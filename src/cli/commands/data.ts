import { extname } from "node:path";
import type { LoadedData } from "../../data/node/chain.ts";
import { trainingParts } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { checkExportTarget } from "../../runs/node/export-files.ts";
import type { Run } from "../../runs/node/run-files.ts";
import { count, table } from "../../text.ts";
import { defineCommand, type OptionSpec, type OptionsOf } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataOfRun, dataToTrain, PREPARATION_OPTIONS, typedPreparation } from "../custom-data.ts";
import type { SheetTarget } from "../images.ts";
import { namedRuns, trainedRun } from "../named-runs.ts";
import type { Output } from "../output.ts";
import { fraction, path, threads, wholeNumber } from "../parse.ts";
import { flag } from "../wording.ts";
import { DEFAULT_DISTANCE, dataDuplicates } from "./data-duplicates.ts";
import { dataInspect } from "./data-inspect.ts";
import { DEFAULT_CONFIDENCE, dataLabels } from "./data-labels.ts";
import { dataVerify } from "./data-verify.ts";

const QUESTIONS = ["inspect", "verify", "duplicates", "labels"] as const;
const DRAWING = ["duplicates", "labels"] as const;
const DEFAULT_LIST = 24;
/** Options of one question only. */
const OF_ONE: Partial<Record<keyof Options, readonly (typeof QUESTIONS)[number][]>> = {
  distance: ["duplicates"],
  confidence: ["labels"],
  threads: ["labels"],
  list: DRAWING,
  out: DRAWING,
  force: DRAWING,
};

const OPTIONS = [
  CUSTOM_DATA_OPTION,
  ...PREPARATION_OPTIONS,
  {
    flags: "--distance <d>",
    description: "duplicates: the farthest that a pair may be, from 0 to 1",
    default: String(DEFAULT_DISTANCE),
  },
  {
    flags: "--confidence <p>",
    description: "labels: the least probability that each network must give, from 0 to 1",
    default: String(DEFAULT_CONFIDENCE),
  },
  { flags: "--list <n>", description: "pairs or images to list and to draw", default: String(DEFAULT_LIST) },
  { flags: "--out <file>", description: "draw them as a contact sheet, a PNG file" },
  { flags: "--force", description: "replace the file that is there" },
  THREADS_OPTION,
] as const satisfies readonly OptionSpec[];
type Options = OptionsOf<typeof OPTIONS>;

export const data = defineCommand({
  name: "data",
  arguments: [
    {
      name: "[question]",
      description:
        "inspect: what data of your own hold, and what training would make of it; verify: whether such data are as they were at their first training; duplicates: images that are the same or nearly, between training and test images and within them; labels: test images that sure networks agree about, against the label",
    },
    {
      name: "[folder...]",
      description:
        "with inspect and verify: the folder or file, with verify followed by the runs whose records are looked at (runs); with labels: run folders, or folders of runs, whose networks are asked",
    },
  ],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js data",
    "node bin/tailor.js data --data ./mnist",
    "node bin/tailor.js data inspect photos --size 32 --fit pad --json",
    "node bin/tailor.js data verify photos",
    "node bin/tailor.js data duplicates --distance 0.08 --out duplicates.png",
    "node bin/tailor.js data labels runs/enhanced-5 --out labels.png",
  ],
  async run([question, ...folders], options, output) {
    const asked = QUESTIONS.find((known) => known === question);
    if (question !== undefined && !asked) {
      throw new UserError(`data cannot tell "${question}"; ask for one of: ${QUESTIONS.join(", ")}`, { exitCode: 2 });
    }
    const paths = folders.filter((folder) => folder !== undefined);
    checkOptions(asked, paths, options);
    if (asked === "verify") return dataVerify(folderToVerify(paths, options), paths.slice(1), output);
    if (asked === "inspect") return dataInspect(folderToInspect(paths, options), options, output);
    const sheet = sheetTarget(options);
    const list = wholeNumber(options, "list") ?? DEFAULT_LIST;
    const distance = fraction(options, "distance") ?? DEFAULT_DISTANCE;
    const confidence = fraction(options, "confidence") ?? DEFAULT_CONFIDENCE;
    switch (asked) {
      case undefined:
        return describe(await dataToTrain(options, output), output);
      case "duplicates":
        return dataDuplicates(await dataToTrain(options, output), { distance, list, sheet }, output);
      case "labels": {
        const runs = runsToAsk(paths, output);
        const loaded = await dataOfRun(trainedRun(runs), options, output);
        return dataLabels(loaded, { runs, confidence, list, sheet, threads: threads(options) }, output);
      }
      default:
        return asked satisfies never;
    }
  },
});

/** @throws UserError when an option or a run does not belong to this subcommand */
function checkOptions(
  asked: (typeof QUESTIONS)[number] | undefined,
  folders: readonly string[],
  options: Options,
): void {
  for (const [name, questions] of Object.entries(OF_ONE)) {
    if (options[name as keyof Options] === undefined || (asked && questions.includes(asked))) continue;
    throw new UserError(`${flag(name)} goes with: ${questions.map((one) => `data ${one}`).join(", ")}`, {
      exitCode: 2,
    });
  }
  // How pictures are read, the runs know themselves.
  const [reading] = typedPreparation(options);
  if ((asked === "labels" || asked === "verify") && reading !== undefined) {
    throw new UserError(`${reading} is known from the runs; leave it out`, { exitCode: 2 });
  }
  if (asked !== "labels" && asked !== "inspect" && asked !== "verify" && folders.length > 0) {
    throw new UserError(
      `data${asked ? ` ${asked}` : ""} takes no folder, got "${folders[0]}"; name the data with --data`,
      {
        exitCode: 2,
      },
    );
  }
}

/** @throws UserError unless one folder is named, and not by `--data` */
function folderToInspect([folder, ...more]: readonly string[], options: Options): string {
  if (folder === undefined || more.length > 0 || options.data !== undefined) {
    throw new UserError("name the data to inspect: data inspect PATH", { exitCode: 2 });
  }
  return folder;
}

/** @throws UserError unless a folder is named, and not by `--data` */
function folderToVerify([folder]: readonly string[], options: Options): string {
  if (folder === undefined || options.data !== undefined) {
    throw new UserError("name the data to verify: data verify PATH", { exitCode: 2 });
  }
  return folder;
}

/** @throws UserError unless a run is named */
function runsToAsk(folders: readonly string[], output: Output): Run[] {
  if (folders.length === 0) {
    throw new UserError("name the runs to ask: data labels RUN..., better several than one", { exitCode: 2 });
  }
  return namedRuns(folders, output);
}

/** Refused before anything is computed. */
function sheetTarget(options: Options): SheetTarget | undefined {
  const file = path(options, "out");
  if (file === undefined) return undefined;
  const target = { path: file, force: options.force === true };
  if (extname(file).toLowerCase() !== ".png") {
    throw new UserError(`--out ${file}: a contact sheet is a PNG picture; let the name end in .png`, { exitCode: 2 });
  }
  checkExportTarget({ ...target, isFolder: false });
  return target;
}

function describe(loaded: LoadedData, output: Output): number {
  const { train } = loaded;
  const parts = trainingParts(train, { trainOn: "split", limit: null });
  const split = { train: parts.train.length, validation: parts.validation?.length ?? 0, test: loaded.test.count };
  output.say(`${loaded.folder} (${loaded.verified ? "checksums as published" : "not the published files"})`);
  const rows = loaded.files.map(({ name, bytes, sha256 }) => [name, count(bytes), sha256]);
  for (const line of table([["file", "bytes", "SHA-256 of the uncompressed file"], ...rows])) output.say(line);
  output.say(
    `train ${count(split.train)}, validation ${count(split.validation)}, test ${count(split.test)} images of ${train.height}x${train.width}`,
  );
  output.say(`classes: ${train.classNames.join(", ")}`);
  output.result({
    source: loaded.source,
    folder: loaded.folder,
    verified: loaded.verified,
    files: loaded.files,
    classes: train.classNames,
    ...split,
  });
  return 0;
}
