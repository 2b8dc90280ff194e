import { UserError } from "../../errors.ts";
import { importWeights } from "../../exchange/import-weights.ts";
import { imageFromText } from "../../formats/network-facts.ts";
import { FITS } from "../../imaging/fit-picture.ts";
import { MODELS } from "../../models/index.ts";
import { defaultRunPath } from "../../runs/node/run-status.ts";
import { count } from "../../text.ts";
import { defineCommand, type OptionSpec, type OptionsOf } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { path, threads } from "../parse.ts";
import { flag } from "../wording.ts";

const OPTIONS = [
  {
    flags: "--model <model>",
    description: `whose weights they are: ${MODELS.map(({ name }) => name).join(", ")}, or a file that exports your own recipe`,
    default: "what the file says",
  },
  {
    flags: "--classes <names>",
    description: "of the classes, in order, with commas between",
    default: "what the file says, or Fashion-MNIST's; for torchvision's and timm's networks ImageNet's",
  },
  {
    flags: "--mean <numbers>",
    description: "of each channel, pixels from 0 to 1, with commas between",
    default: "what the file says, or Fashion-MNIST's; for torchvision's and timm's networks ImageNet's",
  },
  { flags: "--std <numbers>", description: "standard deviation of each channel; goes with --mean" },
  {
    flags: "--image <CxHxW>",
    description: "channels, height and width of an image",
    default: "what the file says, or 1x28x28; for torchvision's and timm's networks 3x224x224",
  },
  {
    flags: "--fit <how>",
    description: "how pictures become such images, for predict: as data of your own (crop, pad, stretch)",
    choices: FITS,
    default: "what the file says, or as Fashion-MNIST's garments; for torchvision's and timm's networks crop",
  },
  { flags: "--out <folder>", description: "the run's folder", default: "runs/<model>-imported-<time>" },
  THREADS_OPTION,
] as const satisfies readonly OptionSpec[];
type Options = OptionsOf<typeof OPTIONS>;

export const importCommand = defineCommand({
  name: "import",
  arguments: [{ name: "<weights>", description: "a safetensors file with PyTorch's names and layouts" }],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js import best-pytorch/continued.safetensors --out runs/continued",
    "node bin/tailor.js import weights.safetensors --model enhanced --mean 0.286 --std 0.353",
    "node bin/tailor.js import resnet50.safetensors --model resnet50 --classes cat,dog",
    "node bin/tailor.js import weights.safetensors --model ./mine.ts --image 3x32x32 --classes cat,dog --fit crop",
  ],
  async run([file], options, output) {
    if (!file) throw new UserError("name the file of the weights to import", { exitCode: 2 });
    const out = path(options, "out");
    const { folder, record } = await importWeights(file, {
      ...given(options),
      out: (model) => out ?? defaultRunPath(`${model}-imported`, new Date()),
      threads: threads(options),
      report: output.note,
    });
    const { model, parameters, weightsSha256 } = record;
    output.say(`imported ${model}: ${count(parameters)} parameters`);
    output.say(`run: ${folder}`);
    output.result({ run: folder, model, parameters, weightsSha256, source: record.source });
    return 0;
  },
});

/** The facts that were typed. */
function given(options: Options) {
  const { model, classes, image, fit } = options;
  const [mean, standardDeviation] = [numbers(options, "mean"), numbers(options, "std")];
  const refuse = (text: string) => new UserError(text, { exitCode: 2 });
  if ((mean === undefined) !== (standardDeviation === undefined)) throw refuse("--mean and --std go together");
  if (mean && standardDeviation && mean.length !== standardDeviation.length) {
    throw refuse(`--mean and --std need as many numbers, got ${mean.length} and ${standardDeviation.length}`);
  }
  if (standardDeviation?.some((deviation) => deviation <= 0)) {
    throw refuse(`--std must be numbers above 0, got "${options.std}"`);
  }
  const classNames = classes?.split(",").map((name) => name.trim());
  if (classNames?.includes("")) throw refuse(`--classes must be names with commas between, got "${classes}"`);
  const size = image === undefined ? undefined : imageFromText(image);
  if (image !== undefined && !size) throw refuse(`--image must be sizes like 1x28x28, got "${image}"`);
  return {
    ...(fit ? { preparation: { kind: "fit", fit } as const } : {}),
    ...(model === undefined ? {} : { model }),
    ...(classNames ? { classNames } : {}),
    ...(size ? { image: size } : {}),
    ...(mean && standardDeviation ? { normalization: { mean, standardDeviation } } : {}),
  };
}

function numbers(options: Options, name: "mean" | "std"): number[] | undefined {
  const typed = options[name];
  if (typed === undefined) return undefined;
  const values = typed.split(",").map((text) => (text.trim() === "" ? Number.NaN : Number(text)));
  if (values.every(Number.isFinite)) return values;
  throw new UserError(`${flag(name)} must be numbers with commas between, got "${typed}"`, { exitCode: 2 });
}
