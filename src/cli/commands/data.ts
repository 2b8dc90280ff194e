import type { LoadedData } from "../../data/sources/chain.ts";
import { loadFashionMnist } from "../../data/sources/fashion-mnist.ts";
import { trainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { count, table } from "../../report/format.ts";
import { checkExportTarget } from "../../runs/outside-files.ts";
import type { Command, OptionValues } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import type { Output } from "../output.ts";
import { flag, fraction, path, threads, wholeNumber } from "../parse.ts";
import type { SheetTarget } from "../write-sheet.ts";
import { DEFAULT_DISTANCE, dataDuplicates } from "./data-duplicates.ts";
import { DEFAULT_CONFIDENCE, dataLabels } from "./data-labels.ts";

const QUESTIONS = ["duplicates", "labels"] as const;
const DEFAULT_LIST = 24;
/** Options of one question only. */
const OF_ONE: Readonly<Record<string, readonly (typeof QUESTIONS)[number][]>> = {
  distance: ["duplicates"],
  confidence: ["labels"],
  threads: ["labels"],
  list: QUESTIONS,
  out: QUESTIONS,
  force: QUESTIONS,
};

export const data: Command = {
  name: "data",
  summary: "fetch and check the data, and say where it is; find duplicates and doubtful labels in it",
  arguments: [
    {
      name: "[question]",
      description:
        "duplicates: images that are the same or nearly, between training and test images and within them; labels: test images that sure networks agree about, against the label",
    },
    { name: "[run...]", description: "with labels: run folders, or folders of runs, whose networks are asked" },
  ],
  options: [
    { flags: "--data <folder>", description: "a folder with the four IDX files, as they are or as .gz" },
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
  ],
  examples: [
    "node bin/tailor.js data",
    "node bin/tailor.js data --data ./mnist",
    "node bin/tailor.js data duplicates --distance 0.08 --out duplicates.png",
    "node bin/tailor.js data labels runs/enhanced-5 --out labels.png",
  ],
  async run([question, ...runs], options, output) {
    const asked = QUESTIONS.find((known) => known === question);
    if (question !== undefined && !asked) {
      throw new UserError(`data cannot tell "${question}"; ask for one of: ${QUESTIONS.join(", ")}`, { exitCode: 2 });
    }
    const paths = runs.filter((run) => run !== undefined);
    checkOptions(asked, paths, options);
    const sheet = sheetTarget(options);
    const list = wholeNumber(options, "list") ?? DEFAULT_LIST;
    const distance = fraction(options, "distance") ?? DEFAULT_DISTANCE;
    const confidence = fraction(options, "confidence") ?? DEFAULT_CONFIDENCE;
    const loaded = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
    switch (asked) {
      case undefined:
        return describe(loaded, output);
      case "duplicates":
        return dataDuplicates(loaded, { distance, list, sheet }, output);
      case "labels":
        return dataLabels(loaded, { runs: paths, confidence, list, sheet, threads: threads(options) }, output);
      default:
        return asked satisfies never;
    }
  },
};

/** @throws UserError when an option or a run goes with another question, or with none */
function checkOptions(
  asked: (typeof QUESTIONS)[number] | undefined,
  runs: readonly string[],
  options: OptionValues,
): void {
  for (const [name, questions] of Object.entries(OF_ONE)) {
    if (options[name] === undefined || (asked && questions.includes(asked))) continue;
    throw new UserError(`${flag(name)} goes with: ${questions.map((one) => `data ${one}`).join(", ")}`, {
      exitCode: 2,
    });
  }
  if (asked !== "labels" && runs.length > 0) {
    throw new UserError(`runs are only asked with: data labels RUN...; got "${runs[0]}"`, { exitCode: 2 });
  }
}

/** Refused before anything is computed. */
function sheetTarget(options: OptionValues): SheetTarget | undefined {
  const file = path(options, "out");
  if (file === undefined) return undefined;
  const target = { path: file, force: options.force === true };
  checkExportTarget({ ...target, isFolder: false });
  return target;
}

function describe(loaded: LoadedData, output: Output): number {
  const { train, validation } = trainingData(loaded.train, { trainOn: "split", limit: null });
  const split = { train: train.count, validation: validation?.count ?? 0, test: loaded.test.count };
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
