import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { Report } from "../../data/node/chain.ts";
import { fetchFromHub, isHubPlace } from "../../data/node/hugging-face.ts";
import { UserError } from "../../errors.ts";
import {
  type Backbone,
  type BackboneFile,
  type BackboneInput,
  type Cut,
  FEATURES,
  featureModel,
  lastFeatures,
  multiplyAddsOf,
  PIXELS,
  type Pooling,
  readBackboneFile,
} from "../../formats/backbone.ts";
import { checkJson, parseJson } from "../../runs/parse-json.ts";
import { ort, sessionOptions } from "../../runtime/node/ort.ts";

/** Ranges of values that networks were trained with: [mean, standard deviation] of (pixel / 255). */
const RANGES: Readonly<Record<BackboneRange, Pick<BackboneInput, "mean" | "standardDeviation">>> = {
  /** The statistics of ImageNet, as torchvision, timm and most of Hugging Face's models have them. */
  imagenet: { mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225] },
  "0-1": { mean: [0, 0, 0], standardDeviation: [1, 1, 1] },
  "-1-1": { mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5] },
  "0-255": { mean: [0, 0, 0], standardDeviation: [1 / 255, 1 / 255, 1 / 255] },
};

/** A range of values that a network was trained with. */
export type BackboneRange = "imagenet" | "0-1" | "-1-1" | "0-255";
/** The ranges that can be named. */
export const BACKBONE_RANGES = Object.keys(RANGES) as BackboneRange[];

/** What users say of a backbone, beyond its file. */
export interface BackboneOptions {
  /** Values that its input was trained with. Default: as the file or a preprocessor_config.json beside it says, else `imagenet`. */
  readonly range?: BackboneRange | undefined;
  /** Edge of its images, where the file leaves it open. Default: as preprocessor_config.json says, else 224. */
  readonly size?: number | undefined;
  /** Default: the first token where there is a class token, else the mean over all. */
  readonly pooling?: "token" | "tokens" | undefined;
  readonly threads: number;
  /** Takes lines about what is fetched. */
  readonly report: Report;
}

const DEFAULT_SIZE = 224;
/** What transformers' image processors save. */
const PREPROCESSOR = "preprocessor_config.json";
/** Where repositories on Hugging Face have their networks as ONNX. */
const HUB_FILES = { defaults: ["onnx/model.onnx", "model.onnx"], beside: [PREPROCESSOR] };

/** The backbone, and where its input's values are from, in words. */
export interface OpenedBackbone {
  readonly backbone: Backbone;
  /** As `featureModel` gives it. */
  readonly model: Uint8Array;
  readonly rangeFrom: string;
}

/**
 * Reads a network that is to be a backbone, and finds out what it needs and gives.
 *
 * @param place the file, or `hf:OWNER/NAME[/PATH][@REVISION]` of a repository on Hugging Face; with `#` and the name of a value in its graph for another place than the input of the last dense layer
 * @throws UserError when the file cannot be read or is unsuitable (see `readBackboneFile`), or ONNX Runtime cannot run it
 */
export async function openBackbone(place: string, options: BackboneOptions): Promise<OpenedBackbone> {
  const [name, tensor] = placeOf(place);
  const fetched = isHubPlace(name) ? await fetchFromHub(name, HUB_FILES, options) : undefined;
  const file = fetched?.path ?? resolve(name);
  const bytes = readFile(file);
  const read = readBackboneFile(bytes, file);
  const stated = statedBeside(file, read);
  const input = inputOf(read, stated, options, file);
  const cut = { tensor: tensor ?? lastFeatures(read), input };
  const { pooling, features } = await trial(read, cut, options, file);
  const multiplyAdds = await countMultiplyAdds(read, cut, file);
  const source = fetched && { source: fetched.source };
  const backbone = { file, ...source, sha256: sha256Of(bytes), ...cut, pooling, features, multiplyAdds };
  return { backbone, model: featureModel(read, backbone, file), rangeFrom: rangeFrom(stated, options) };
}

/**
 * The model of a run's backbone, from its file.
 *
 * @throws UserError when the file is missing or has changed
 */
export function readFeatureModel(backbone: Backbone): Uint8Array {
  const { file, sha256, source } = backbone;
  if (source !== undefined && !existsSync(file)) {
    throw new UserError(
      `there is no file ${file} any more, which was ${source}; fetch it again: start a training with that as its backbone`,
    );
  }
  const bytes = readFile(file);
  if (sha256Of(bytes) !== sha256) {
    throw new UserError(
      `${file} has changed since the run began: its SHA-256 is another one. Put it back as it was, or train anew; evaluate and predict do not need it`,
    );
  }
  return featureModel(readBackboneFile(bytes, file), backbone, file);
}

/** @throws UserError with the file's name when it cannot be opened */
export async function openFeatureSession(model: Uint8Array, threads: number, fileName: string) {
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(model, sessionOptions(threads, { isAlone: false })).catch((cause) => {
    throw new UserError(`${fileName} is not a network that ONNX Runtime can run (${reasonOf(cause)})`, { cause });
  });
  return {
    /** @param pixels 0 to 255, [count, channels, height, width] */
    async run(pixels: Uint8Array, shape: readonly number[]) {
      const feeds = { [PIXELS]: new Tensor("float32", Float32Array.from(pixels), shape) };
      const results = await session.run(feeds, [FEATURES]).catch((cause: unknown) => {
        throw new UserError(`${fileName} cannot be run by ONNX Runtime (${reasonOf(cause)})`, { cause });
      });
      const { data, dims } = results[FEATURES]!;
      if (!(data instanceof Float32Array)) throw new UserError(`${fileName} gives features that are no float32 tensor`);
      if (!data.every(Number.isFinite)) throw new UserError(`${fileName} gives features that are not finite numbers`);
      return { data, dims };
    },
    release: () => session.release(),
  };
}

function placeOf(place: string): [string, string | undefined] {
  // A name may contain the character itself.
  if (existsSync(place)) return [place, undefined];
  const at = place.indexOf("#", place.toLowerCase().lastIndexOf(".onnx"));
  return at < 0 ? [place, undefined] : [place.slice(0, at), place.slice(at + 1)];
}

function readFile(file: string): Buffer {
  if (!existsSync(file)) throw new UserError(`there is no file ${file}`, { exitCode: 2 });
  if (!statSync(file).isFile())
    throw new UserError(`${file} is not a file; name the ONNX file of a network`, { exitCode: 2 });
  return readFileSync(file);
}

const numbers = z.array(z.number());
const edges = z.union([
  z.number(),
  z.object({ height: z.number(), width: z.number() }),
  z.object({ shortest_edge: z.number() }),
]);
const preprocessorSchema = z.object({
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().optional(),
  do_normalize: z.boolean().optional(),
  image_mean: z.union([numbers, z.null()]).optional(),
  image_std: z.union([numbers, z.null()]).optional(),
  size: edges.optional(),
  crop_size: edges.optional(),
});

interface Stated {
  readonly from: string;
  readonly range: Pick<BackboneInput, "mean" | "standardDeviation">;
  readonly size?: { readonly height: number; readonly width: number } | undefined;
}

/** What the file's metadata, or transformers' configuration beside it, says of its input. */
function statedBeside(file: string, { metadata, input }: BackboneFile): Stated | undefined {
  // A network of tailor normalises the pixels itself.
  if (metadata.has("standardDeviation") && metadata.has("classes")) return { from: file, range: RANGES["0-255"] };
  // In repositories of Hugging Face it lies above the folder of the network.
  const folders = basename(dirname(file)) === "onnx" ? [dirname(file), dirname(dirname(file))] : [dirname(file)];
  const path = folders.map((folder) => join(folder, PREPROCESSOR)).find(existsSync);
  if (path === undefined) return undefined;
  const todo = "mend or remove the file";
  const config = checkJson(preprocessorSchema, parseJson(readFileSync(path, "utf8"), path, todo), path, todo);
  const { do_rescale = true, rescale_factor = 1 / 255, do_normalize = true } = config;
  const each = (value: number) => new Array<number>(input.channels).fill(value);
  const [mean, deviation] = [config.image_mean, config.image_std].map((list) => (do_normalize ? list : undefined));
  // (pixel * factor - mean) / deviation, in pixels of 0 to 1.
  const factor = do_rescale ? rescale_factor * 255 : 255;
  const size = config.crop_size ?? config.size;
  return {
    from: path,
    range: {
      mean: (mean ?? each(0)).map((value) => value / factor),
      standardDeviation: (deviation ?? each(1)).map((value) => value / factor),
    },
    size:
      size === undefined
        ? undefined
        : typeof size === "number"
          ? { height: size, width: size }
          : "height" in size
            ? size
            : { height: size.shortest_edge, width: size.shortest_edge },
  };
}

function rangeFrom(stated: Stated | undefined, { range }: BackboneOptions): string {
  return range ?? stated?.from ?? "imagenet, as most networks; nothing says so here";
}

function inputOf(
  { input }: BackboneFile,
  stated: Stated | undefined,
  options: BackboneOptions,
  file: string,
): BackboneInput {
  const { channels, layout, type } = input;
  const { mean, standardDeviation } = options.range ? RANGES[options.range] : (stated?.range ?? RANGES.imagenet);
  if (mean.length < channels || standardDeviation.length < channels) {
    throw new UserError(`${stated?.from}: its image_mean and image_std must have ${channels} numbers each`);
  }
  const edge = (own: number | undefined, other: number | undefined) => own ?? options.size ?? other ?? DEFAULT_SIZE;
  const [height, width] = [edge(input.height, stated?.size?.height), edge(input.width, stated?.size?.width)];
  if (options.size !== undefined && (height !== options.size || width !== options.size)) {
    throw new UserError((w) => `${file} takes images of ${width}x${height}; leave out ${w.option("size")}`, {
      exitCode: 2,
    });
  }
  return {
    ...{ channels, height, width, layout, type },
    mean: mean.slice(0, channels),
    standardDeviation: standardDeviation.slice(0, channels),
  };
}

/** Runs the network on two images, as only that tells the shape of its features. */
async function trial(
  read: BackboneFile,
  cut: Omit<Cut, "pooling">,
  { threads, pooling: wanted }: BackboneOptions,
  file: string,
): Promise<{ pooling: Pooling; features: number }> {
  const session = await openFeatureSession(featureModel(read, { ...cut, pooling: "none" }, file), threads, file);
  try {
    const { channels, height, width } = cut.input;
    const { dims } = await session.run(new Uint8Array(2 * channels * height * width), [2, channels, height, width]);
    const pooling = poolingOf(dims, wanted);
    const features = dims[pooling === "places" ? 1 : dims.length - 1];
    if (pooling === undefined || dims[0] !== 2 || !features) {
      throw new UserError(
        `${file}: "${cut.tensor}" is [${dims.join(", ")}] for two images; features are [2, features], [2, tokens, features] or [2, features, height, width]. Choose another value with #NAME`,
        { exitCode: 2 },
      );
    }
    return { pooling, features };
  } finally {
    await session.release();
  }
}

/** Arrays of each input type; float16 as its bits. */
const ZEROS = { float32: Float32Array, uint8: Uint8Array, float16: Uint16Array } as const;

/** Runs the network on a black image, as only that tells the shapes of everything between. */
async function countMultiplyAdds(read: BackboneFile, { tensor, input }: Omit<Cut, "pooling">, file: string) {
  const { model, outputs, count } = multiplyAddsOf(read, tensor);
  if (!model) return 0;
  const { InferenceSession, Tensor } = ort();
  const { channels, height, width, type } = input;
  const shape = input.layout === "channels-first" ? [1, channels, height, width] : [1, height, width, channels];
  const image = new Tensor(type, new ZEROS[type](channels * height * width), shape);
  try {
    const session = await InferenceSession.create(model, sessionOptions(1, { isAlone: false }));
    const results = await session.run({ [read.input.name]: image }, outputs);
    await session.release();
    return count(new Map(Object.entries(results).map(([name, { dims }]) => [name, dims])));
  } catch (cause) {
    throw new UserError(`${file} is not a network that ONNX Runtime can run (${reasonOf(cause)})`, { cause });
  }
}

function poolingOf(dims: readonly number[], wanted: "token" | "tokens" | undefined): Pooling | undefined {
  if (dims.length === 2) return "none";
  if (dims.length === 4) return "places";
  if (dims.length !== 3) return undefined;
  // A square of tokens are the places of the image alone: there is none that stands for its class.
  return wanted ?? (Number.isInteger(Math.sqrt(dims[1]!)) ? "tokens" : "token");
}

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ").trim();
}
