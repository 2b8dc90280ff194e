import { z } from "zod";
import { UserError } from "../errors.ts";
import { type Preparation, preparationSchema } from "../imaging/preparation.ts";
import type { ImageTask } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { quote } from "./json.ts";

/** How probabilities follow from logits, fitted on validation images (`evaluation/confidence.ts`). */
export interface ConfidenceFit {
  /** Probabilities are softmax(logits / temperature). */
  readonly temperature: number;
  /** An answer with a lower probability is unknown, 0 to 1. */
  readonly unknownBelow: number;
}

/** What must be known about a trained network besides its tensors. Saved as text fields of its files. */
export interface NetworkFacts {
  /** The name of its architecture. */
  readonly model: string;
  readonly task: ImageTask;
  readonly classNames: readonly string[];
  readonly normalization: PixelNormalization;
  /** Default: as garments, like Fashion-MNIST. */
  readonly preparation?: Preparation | undefined;
  /** Default: temperature 1, and no answer is unknown. */
  readonly confidence?: ConfidenceFit | undefined;
}

/** The facts found in a file; files of other programs may lack them. */
export interface StatedFacts {
  readonly model?: string;
  /** Size of an image. */
  readonly image?: Pick<ImageTask, "channels" | "height" | "width">;
  readonly classNames?: readonly string[];
  readonly normalization?: PixelNormalization;
  readonly preparation?: Preparation;
  readonly confidence?: ConfidenceFit;
}

/** Facts as text fields: lists as JSON, the image's size as `1x28x28` (channels, height, width). */
export function factsToText({
  model,
  task,
  classNames,
  normalization,
  preparation,
  confidence,
}: NetworkFacts): Record<string, string> {
  const { channels, height, width } = task;
  return {
    model,
    image: `${channels}x${height}x${width}`,
    classes: JSON.stringify(classNames),
    mean: JSON.stringify(normalization.mean),
    standardDeviation: JSON.stringify(normalization.standardDeviation),
    ...(preparation ? { preparation: JSON.stringify(preparation) } : {}),
    ...(confidence ? { confidence: JSON.stringify(confidence) } : {}),
  };
}

const classesSchema = z.array(z.string().min(1)).min(1);
const meanSchema = z.array(z.number()).min(1);
const confidenceSchema = z.strictObject({ temperature: z.number().positive(), unknownBelow: z.number().min(0).max(1) });
const deviationSchema = z.array(z.number().positive()).min(1);

/**
 * Parses the fields. Missing fields stay undefined.
 *
 * @throws UserError when a field does not have the format of `factsToText`, or mean and deviation do not match
 */
export function factsFromText(fields: Readonly<Record<string, string>>, fileName: string): StatedFacts {
  const classNames = jsonField("classes", classesSchema, "a JSON list of names");
  const mean = jsonField("mean", meanSchema, "a JSON list of numbers");
  const standardDeviation = jsonField("standardDeviation", deviationSchema, "a JSON list of numbers above 0");
  const preparation = jsonField("preparation", preparationSchema, 'a preparation such as {"kind":"fit","fit":"crop"}');
  const confidence = jsonField(
    "confidence",
    confidenceSchema,
    'the fit of probabilities, such as {"temperature":0.8,"unknownBelow":0.4}',
  );
  if (mean?.length !== standardDeviation?.length) {
    throw wrong("mean", "as many numbers as standardDeviation has", fields.mean);
  }
  const image = fields.image === undefined ? undefined : imageFromText(fields.image);
  if (fields.image !== undefined && !image) throw wrong("image", "sizes like 1x28x28", fields.image);
  return {
    ...(fields.model === undefined ? {} : { model: fields.model }),
    ...(image ? { image } : {}),
    ...(classNames ? { classNames } : {}),
    ...(mean && standardDeviation ? { normalization: { mean, standardDeviation } } : {}),
    ...(preparation ? { preparation } : {}),
    ...(confidence ? { confidence } : {}),
  };

  function jsonField<T>(name: string, schema: z.ZodType<T>, expected: string): T | undefined {
    const text = fields[name];
    if (text === undefined) return undefined;
    const value = jsonFromText(text, schema);
    if (value === undefined) throw wrong(name, expected, text);
    return value;
  }

  function wrong(name: string, expected: string, found: unknown): UserError {
    return new UserError(
      `${fileName}: metadata field ${quote(name)}: expected ${expected}, found ${quote(found)}; mend the field, or leave it out when the file is written`,
    );
  }
}

/** Parses `1x28x28` as channels, height and width; undefined for anything else. */
export function imageFromText(text: string): StatedFacts["image"] {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text.trim());
  const [channels, height, width] = (match ?? []).slice(1).map(Number);
  return channels && height && width ? { channels, height, width } : undefined;
}

/** Parses class names as written by `factsToText`; undefined for anything else. */
export function classNamesFromText(text: string): readonly string[] | undefined {
  return jsonFromText(text, classesSchema);
}

function jsonFromText<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
