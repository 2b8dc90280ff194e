import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { checkJson, parseJson } from "../runs/parse-json.ts";

/** What a configuration next to a network says of the images that it was trained with. */
export interface StatedInput {
  /** The configuration's path. */
  readonly from: string;
  readonly normalization: PixelNormalization;
  readonly size?: { readonly height: number; readonly width: number } | undefined;
}

type Reader = (path: string, channels: number) => Omit<StatedInput, "from"> | undefined;

/** What transformers' image processors save, and timm, in the order of precedence. */
const READERS: readonly (readonly [name: string, read: Reader])[] = [
  ["preprocessor_config.json", readPreprocessor],
  ["config.json", readTimm],
];

/** Names of the configurations that `inputBeside` reads. */
export const INPUT_CONFIGURATIONS = READERS.map(([name]) => name);

/**
 * Reads the configuration next to a network's file, as repositories on Hugging Face have it: transformers'
 * `preprocessor_config.json`, otherwise timm's `config.json`. Configurations of other programs are not looked at.
 *
 * @throws UserError when one of them is damaged or has a field of another type
 */
export function inputBeside(file: string, channels: number): StatedInput | undefined {
  // ONNX files lie in a folder of their own there, below the configuration.
  const folders = basename(dirname(file)) === "onnx" ? [dirname(file), dirname(dirname(file))] : [dirname(file)];
  for (const [name, read] of READERS) {
    const from = folders.map((folder) => join(folder, name)).find(existsSync);
    const stated = from === undefined ? undefined : read(from, channels);
    if (from !== undefined && stated) return { from, ...stated };
  }
  return undefined;
}

const TODO = "mend or remove the file";

function readJson<Config>(path: string, schema: z.ZodType<Config>): Config {
  return checkJson(schema, parseJson(readFileSync(path, "utf8"), path, TODO), path, TODO);
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

function readPreprocessor(path: string, channels: number): Omit<StatedInput, "from"> {
  const config = readJson(path, preprocessorSchema);
  const { do_rescale = true, rescale_factor = 1 / 255, do_normalize = true } = config;
  const each = (value: number) => new Array<number>(channels).fill(value);
  const [mean, deviation] = [config.image_mean, config.image_std].map((list) => (do_normalize ? list : undefined));
  // (pixel * factor - mean) / deviation, in pixels of 0 to 1.
  const factor = do_rescale ? rescale_factor * 255 : 255;
  const size = config.crop_size ?? config.size;
  return {
    normalization: {
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

const timmSchema = z.object({
  pretrained_cfg: z
    .object({
      mean: numbers,
      std: z.array(z.number().positive()),
      input_size: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]).optional(),
    })
    .optional(),
});

function readTimm(path: string): Omit<StatedInput, "from"> | undefined {
  const { pretrained_cfg: trained } = readJson(path, timmSchema);
  if (!trained) return undefined;
  const { mean, std, input_size } = trained;
  return {
    normalization: { mean, standardDeviation: std },
    size: input_size && { height: input_size[1], width: input_size[2] },
  };
}
