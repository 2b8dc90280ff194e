import { buffer } from "node:stream/consumers";
import type progress from "cli-progress";
import { UserError } from "../../errors.ts";
import { loadClassifier } from "../../prediction/node/load-classifier.ts";
import type { ImageInput, Prediction } from "../../prediction/prediction.ts";
import { UNVERIFIED } from "../../runs/node/run-files.ts";
import { count, duration, percent } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { type DrawnImage, drawImage, imageFilesOf, STANDARD_INPUT, showsColours } from "../images.ts";
import { liveLine } from "../live-line.ts";
import { deviceForModel } from "../model-device.ts";
import type { Output } from "../output.ts";
import { fraction, threads, wholeNumber } from "../parse.ts";
import { IN_FLAGS } from "../wording.ts";

const BACKGROUNDS = ["auto", "light", "dark"] as const;
const DEFAULT_TOP = 3;
/** Minimum number of images for a progress bar. */
const BAR_FROM_IMAGES = 200;

export const predict = defineCommand({
  name: "predict",
  arguments: [
    { name: "<run>", description: "a run folder, or an ONNX file that tailor wrote" },
    {
      name: "<image...>",
      description:
        "image files (PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP; HEIC with libheif-js), folders (searched through, hidden files left out), - for standard input",
    },
  ],
  options: [
    { flags: "--top <n>", description: "top-k classes to show", default: String(DEFAULT_TOP) },
    {
      flags: "--unknown-below <p>",
      description: "probability, 0 to 1, below which an answer is unknown; 0: every image gets a class",
      default: "the model's: 5 % of its validation images are below",
    },
    { flags: "--show", description: "draw each image as the model sees it" },
    {
      flags: "--background <kind>",
      description: "only runs on Fashion-MNIST: what the garment in a picture lies on",
      choices: BACKGROUNDS,
      default: "auto: measured at each picture's border",
    },
    THREADS_OPTION,
    DEVICE_OPTION,
  ],
  examples: [
    "node bin/tailor.js predict runs/best new.jpg --show",
    "node bin/tailor.js predict runs/best photos/ --top 1 --json",
    "cat new.png | node bin/tailor.js predict runs/best -",
  ],
  async run([run, ...words], options, output) {
    const background = options.background ?? "auto";
    const top = wholeNumber(options, "top") ?? DEFAULT_TOP;
    const unknownBelow = fraction(options, "unknownBelow");
    const isShown = options.show === true;
    if (!run) throw new UserError("name the run to predict with", { exitCode: 2 });
    const threadCount = threads(options);
    const { openModel } = await deviceForModel(run, options, output);
    const classifier = await loadClassifier(run, { threads: threadCount, openModel });
    if (!classifier.isVerified) output.note(`the model of ${run} is unverified: ${UNVERIFIED}`);
    if (options.background !== undefined && classifier.preparation.kind !== "garment") {
      await classifier.release();
      throw new UserError(`--background is for runs on garments; ${run} was trained on pictures as they are`, {
        exitCode: 2,
      });
    }
    const failures: Failure[] = [];
    const fail = (file: string, error: UserError) => {
      const message = `${file === STANDARD_INPUT ? "standard input: " : ""}${error.worded(IN_FLAGS)}`;
      failures.push({ file, message });
      output.note(`error: ${message}`);
    };
    const files = findFiles(words, fail);
    const predictions: ToldPrediction[] = [];
    const widths = { file: widest(files), label: widest([...classifier.classes, UNKNOWN]) };
    const bar = startBar(files.length, output);
    try {
      let index = 0;
      for await (const { prediction, error } of classifier.predictMany(await inputsOf(files), {
        background,
        top,
        ...(unknownBelow === undefined ? {} : { unknownBelow }),
      })) {
        const file = files[index++]!;
        bar?.increment();
        if (error) {
          fail(file, error);
          continue;
        }
        const { label, probability, isUnknown, milliseconds } = prediction;
        predictions.push({ file, label, probability, isUnknown, top: prediction.top, milliseconds });
        if (!output.isJson || isShown) output.say(predictionLine(file, prediction, widths));
        if (isShown) sayImage({ ...classifier.imageShape, pixels: prediction.pixels }, output);
      }
    } finally {
      bar?.stop();
      await classifier.release();
    }
    if (failures.length > 0 && predictions.length + failures.length > 1) {
      output.note(`${count(predictions.length)} predicted, ${count(failures.length)} failed`);
    }
    output.result({ run, model: classifier.model, predictions, failures });
    return failures.length > 0 ? 1 : 0;
  },
});

/** A prediction in the output of --json. */
interface ToldPrediction extends Omit<Prediction, "pixels"> {
  readonly file: string;
}

/** A file or folder without a prediction, and the reason. */
interface Failure {
  readonly file: string;
  readonly message: string;
}

/** All files of the arguments; an argument without images is a failure and does not stop the others. */
function findFiles(words: readonly (string | undefined)[], fail: (word: string, error: UserError) => void): string[] {
  return words.flatMap((word = "") => {
    try {
      return imageFilesOf(word);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      fail(word, error);
      return [];
    }
  });
}

/** @throws UserError when standard input is given twice: it can be read only once */
async function inputsOf(files: readonly string[]): Promise<ImageInput[]> {
  const named = files.filter((file) => file === STANDARD_INPUT).length;
  if (named > 1) throw new UserError(`${STANDARD_INPUT} may be named once, got it ${named} times`, { exitCode: 2 });
  const input = named === 1 ? await buffer(process.stdin) : undefined;
  return files.map((file) => (file === STANDARD_INPUT ? input! : file));
}

/** A progress bar for many images, unless other lines are printed to the same terminal. */
function startBar(images: number, { isInteractive, isJson }: Output): progress.SingleBar | undefined {
  if (!isInteractive || images < BAR_FROM_IMAGES || (!isJson && process.stdout.isTTY)) return undefined;
  const bar = liveLine(({ bar, value, total, eta }) => [
    { text: `${bar} `, rank: 1 },
    { text: `${value}/${total} images`, rank: 0 },
    { text: ` | ${Number.isFinite(eta) ? duration(eta) : "..."} left`, rank: 0 },
  ]);
  bar.start(images, 0);
  return bar;
}

/** What stands in place of a class whose probability is too low. */
const UNKNOWN = "unknown";

/** `shirt.jpg  Shirt  81.2 %  T-shirt/top 12.1 %, Coat 3.0 %`; of an unknown one all classes are among the others */
function predictionLine(
  file: string,
  { label, probability, isUnknown, top }: Prediction,
  widths: { readonly file: number; readonly label: number },
): string {
  const others = top.slice(isUnknown ? 0 : 1).map((other) => `${other.label} ${percent(other.probability, 1)}`);
  const columns = [
    file.padEnd(widths.file),
    (isUnknown ? UNKNOWN : label).padEnd(widths.label),
    (isUnknown ? "" : percent(probability, 1)).padStart("100.0 %".length),
    others.join(", "),
  ];
  return columns.join("  ").trimEnd();
}

function widest(words: readonly string[]): number {
  return words.reduce((most, word) => Math.max(most, word.length), 0);
}

function sayImage(image: DrawnImage, output: Output): void {
  for (const line of drawImage(image, { colours: showsColours() })) output.say(line);
}
