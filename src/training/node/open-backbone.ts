import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Report } from "../../data/node/chain.ts";
import { fetchFromHub, isHubPlace } from "../../data/node/hugging-face.ts";
import { reasonInLine, UserError } from "../../errors.ts";
import { INPUT_CONFIGURATIONS, inputBeside, type StatedInput } from "../../exchange/input-beside.ts";
import {
  type Backbone,
  type BackboneFile,
  type BackboneInput,
  type Cut,
  featureModel,
  lastFeatures,
  type Pooling,
  readBackboneFile,
  type ShapeTrial,
  shapeTrial,
} from "../../formats/backbone.ts";
import { CENTRED_NORMALIZATION, IMAGENET_NORMALIZATION, type PixelNormalization } from "../../ops/normalize-pixels.ts";
import { type OutsideFile, readOutsideFile } from "../../runs/node/export-files.ts";
import { featureSession } from "../../runtime/feature-session.ts";
import type { FeatureSession } from "../../runtime/model-session.ts";
import { modelFileOptions, ort } from "../../runtime/node/ort.ts";
import { requireStillFetched } from "./pretrained.ts";

/** Ranges of values that networks were trained with: [mean, standard deviation] of (pixel / 255). */
const RANGES: Readonly<Record<BackboneRange, PixelNormalization>> = {
  /** The statistics of ImageNet, as torchvision, timm and most of Hugging Face's models have them. */
  imagenet: IMAGENET_NORMALIZATION,
  "0-1": { mean: [0, 0, 0], standardDeviation: [1, 1, 1] },
  "-1-1": CENTRED_NORMALIZATION,
  "0-255": { mean: [0, 0, 0], standardDeviation: [1 / 255, 1 / 255, 1 / 255] },
};

/** A range of values that a network was trained with. */
export type BackboneRange = "imagenet" | "0-1" | "-1-1" | "0-255";
/** The ranges that can be named. */
export const BACKBONE_RANGES = Object.keys(RANGES) as BackboneRange[];

/** What users say of a backbone, beyond its file. */
export interface BackboneOptions {
  /** Values that its input was trained with. Default: as the file or a configuration next to it says (`inputBeside`), else `imagenet`. */
  readonly range?: BackboneRange | undefined;
  /** Edge of its images, where the file leaves it open. Default: as that configuration says, else 224. */
  readonly size?: number | undefined;
  /** Default: the first token where there is a class token, else the mean over all. */
  readonly pooling?: "token" | "tokens" | undefined;
  readonly threads: number;
  /** Takes lines about what is fetched. */
  readonly report: Report;
}

const DEFAULT_SIZE = 224;
/** Where repositories on Hugging Face have their networks as ONNX. */
const HUB_FILES = { defaults: ["onnx/model.onnx", "model.onnx"], beside: INPUT_CONFIGURATIONS };

/** The backbone, and where its input's values are from, in words. */
export interface OpenedBackbone {
  readonly backbone: Backbone;
  readonly rangeFrom: string;
  /** Whether neither the file nor the options say it, so that it may be chosen (`chooseBackboneRange`). */
  readonly isRangeSupposed: boolean;
}

/**
 * Reads a network that is to be a backbone, and finds out what it needs and gives.
 *
 * @param place the file, or `hf:OWNER/NAME[/PATH][@REVISION]` of a repository on Hugging Face; with `#` and the name of a value in its graph for another place than the input of the last dense layer
 * @throws UserError when the file cannot be read or is unsuitable (see `readBackboneFile`), or ONNX Runtime cannot run it
 */
export async function openBackbone(place: string, options: BackboneOptions): Promise<OpenedBackbone> {
  const [name, tensor] = placeOf(place);
  const { file, sha256, read, fetched } = await readPlace(name, options.report);
  const stated = statedInput(file, read);
  const input = inputOf(read, stated, options, file);
  const cut = { tensor: tensor ?? lastFeatures(read), input };
  const found = await trial(read, cut, options, file);
  const source = fetched && { source: fetched.source };
  return {
    backbone: { file, ...source, sha256, ...cut, ...found },
    rangeFrom: rangeFrom(stated, options),
    isRangeSupposed: options.range === undefined && stated === undefined,
  };
}

/** A backbone whose pixels are of another range. */
export function withRange(backbone: Backbone, range: BackboneRange): Backbone {
  const { input } = backbone;
  return { ...backbone, input: { ...input, ...ofChannels(RANGES[range], input.channels) } };
}

function ofChannels({ mean, standardDeviation }: PixelNormalization, channels: number): PixelNormalization {
  return { mean: mean.slice(0, channels), standardDeviation: standardDeviation.slice(0, channels) };
}

/**
 * Finds the file of a network that may be a backbone.
 *
 * @param place as for `openBackbone`
 * @throws UserError as `openBackbone` does, but for what only running it tells
 */
export async function findBackbone(place: string, report: Report): Promise<Pick<Backbone, "file" | "sha256">> {
  const { file, sha256 } = await readPlace(placeOf(place)[0], report);
  return { file, sha256 };
}

async function readPlace(name: string, report: Report) {
  const fetched = isHubPlace(name) ? await fetchFromHub(name, HUB_FILES, { report }) : undefined;
  const file = fetched?.path ?? resolve(name);
  const { bytes, sha256 } = readFile(file);
  return { file, sha256, read: readBackboneFile(bytes, file), fetched };
}

/**
 * The model of a run's backbone, from its file.
 *
 * @throws UserError when the file is missing or has changed
 */
export function readFeatureModel(backbone: Backbone): Uint8Array {
  const { file, sha256 } = backbone;
  requireStillFetched(backbone);
  const { bytes, sha256: now } = readFile(file);
  if (now !== sha256) {
    throw new UserError(
      `${file} has changed since the run began: its SHA-256 is another one. Put it back as it was, or train anew; evaluate and predict do not need it`,
    );
  }
  return featureModel(readBackboneFile(bytes, file), backbone, file);
}

/** @throws UserError with the file's name when it cannot be opened */
export function openFeatureSession(model: Uint8Array, threads: number, fileName: string): Promise<FeatureSession> {
  const { InferenceSession, Tensor } = ort();
  return featureSession(
    InferenceSession.create(model, modelFileOptions(model, threads, { isAlone: false })),
    Tensor,
    fileName,
  );
}

function placeOf(place: string): [string, string | undefined] {
  // A name may contain the character itself.
  if (existsSync(place)) return [place, undefined];
  const at = place.indexOf("#", place.toLowerCase().lastIndexOf(".onnx"));
  return at < 0 ? [place, undefined] : [place.slice(0, at), place.slice(at + 1)];
}

/** Larger models are no single file in ONNX, whose messages have at most so many bytes. */
const MAX_BYTES = 2 ** 31 - 1;

function readFile(file: string): OutsideFile {
  if (existsSync(file) && !statSync(file).isFile()) {
    throw new UserError(`${file} is not a file; name the ONNX file of a network`, { exitCode: 2 });
  }
  return readOutsideFile(file, MAX_BYTES);
}

/** What the file's metadata, or a configuration next to it, says of its input. */
function statedInput(file: string, { metadata, input }: BackboneFile): StatedInput | undefined {
  // A network of tailor normalises the pixels itself.
  const isOurs = metadata.has("standardDeviation") && metadata.has("classes");
  return isOurs ? { from: file, normalization: RANGES["0-255"] } : inputBeside(file, input.channels);
}

function rangeFrom(stated: StatedInput | undefined, { range }: BackboneOptions): string {
  return range ?? stated?.from ?? "imagenet, supposed, as the file does not say; a wrong range costs accuracy";
}

function inputOf(
  { input }: BackboneFile,
  stated: StatedInput | undefined,
  options: BackboneOptions,
  file: string,
): BackboneInput {
  const { channels, layout, type } = input;
  const range = options.range ? RANGES[options.range] : (stated?.normalization ?? RANGES.imagenet);
  if (range.mean.length < channels || range.standardDeviation.length < channels) {
    throw new UserError(`${stated?.from}: its mean and standard deviation must have ${channels} numbers each`);
  }
  const edge = (own: number | undefined, other: number | undefined) => own ?? options.size ?? other ?? DEFAULT_SIZE;
  const [height, width] = [edge(input.height, stated?.size?.height), edge(input.width, stated?.size?.width)];
  if (options.size !== undefined && (height !== options.size || width !== options.size)) {
    throw new UserError((w) => `${file} takes images of ${width}x${height}; leave out ${w.option("size")}`, {
      exitCode: 2,
    });
  }
  return { channels, height, width, layout, type, ...ofChannels(range, channels) };
}

/** Arrays of each input type; float16 as its bits. */
const ZEROS = { float32: Float32Array, uint8: Uint8Array, float16: Uint16Array } as const;
/** More than one, so that the axis of the batch shows. */
const TRIAL_IMAGES = 2;

/** Runs the network on black images, as only that tells the shapes of its features and of everything before them. */
async function trial(
  read: BackboneFile,
  { tensor, input }: Omit<Cut, "pooling">,
  { threads, pooling: wanted }: BackboneOptions,
  file: string,
): Promise<Pick<Backbone, "pooling" | "features" | "multiplyAdds">> {
  const shapeModel = shapeTrial(read, tensor, file);
  const shapes = await shapesIn(shapeModel, read.input.name, { input, threads, file });
  const dims = shapes.get(tensor) ?? [];
  const pooling = poolingOf(dims, wanted);
  const features = dims[pooling === "places" ? 1 : dims.length - 1];
  if (pooling === undefined || dims[0] !== TRIAL_IMAGES || !features) {
    throw new UserError(
      `${file}: "${tensor}" is [${dims.join(", ")}] for two images; features are [2, features], [2, tokens, features] or [2, features, height, width]. Choose another value with #NAME`,
      { exitCode: 2 },
    );
  }
  return { pooling, features, multiplyAdds: shapeModel.multiplyAdds(shapes) / TRIAL_IMAGES };
}

async function shapesIn(
  { model, outputs }: ShapeTrial,
  name: string,
  { input, threads, file }: { input: BackboneInput; threads: number; file: string },
): Promise<Map<string, readonly number[]>> {
  const { InferenceSession, Tensor } = ort();
  const { channels, height, width, type, layout } = input;
  const image = layout === "channels-first" ? [channels, height, width] : [height, width, channels];
  const pixels = new ZEROS[type](TRIAL_IMAGES * channels * height * width);
  try {
    const session = await InferenceSession.create(model, modelFileOptions(model, threads, { isAlone: false }));
    try {
      const results = await session.run({ [name]: new Tensor(type, pixels, [TRIAL_IMAGES, ...image]) }, outputs);
      return new Map(Object.entries(results).map(([value, { dims }]) => [value, dims]));
    } finally {
      await session.release();
    }
  } catch (cause) {
    throw new UserError(`${file} is not a network that ONNX Runtime can run (${reasonInLine(cause)})`, { cause });
  }
}

function poolingOf(dims: readonly number[], wanted: "token" | "tokens" | undefined): Pooling | undefined {
  if (dims.length === 2) return "none";
  if (dims.length === 4) return "places";
  if (dims.length !== 3) return undefined;
  // A square of tokens are the places of the image alone: there is none that stands for its class.
  return wanted ?? (Number.isInteger(Math.sqrt(dims[1]!)) ? "tokens" : "token");
}
