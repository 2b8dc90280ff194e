import { fromBinary } from "@bufbuild/protobuf";
import { UserError } from "../errors.ts";
import { GARMENT, type Preparation } from "../imaging/preparation.ts";
import { ModelProtoSchema } from "../onnx/generated/onnx_pb.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { type ConfidenceFit, classNamesFromText, factsFromText } from "./network-facts.ts";

/** Metadata of a model file. */
export interface ModelMetadata {
  /** The network's name. */
  readonly model: string | undefined;
  /** The checksum of its weights in their run's record; missing in files of older versions. */
  readonly weightsSha256: string | undefined;
  /** By class index. */
  readonly classNames: readonly string[];
  /** How it normalises its pixels, which its graph does too; missing in files of older versions. */
  readonly normalization: PixelNormalization | undefined;
  /** How pictures are converted to the network's input. */
  readonly preparation: Preparation;
  /** How probabilities follow from logits; undefined: temperature 1, and no answer is unknown. */
  readonly confidence: ConfidenceFit | undefined;
}

/**
 * Reads the metadata that `inferenceModel` writes.
 *
 * @param fileName for error messages
 * @throws UserError when the bytes are not an ONNX model, or the metadata has no class names
 */
export function readModelMetadata(bytes: Uint8Array, fileName: string): ModelMetadata {
  const facts = new Map(decode(bytes, fileName).metadataProps.map(({ key, value }) => [key, value]));
  const classNames = classNamesFromText(facts.get("classes") ?? "");
  if (!classNames) {
    throw new UserError(
      `${fileName} names no classes: its metadata "classes" must be a JSON list of names, as tailor writes it`,
    );
  }
  const stated = ["mean", "standardDeviation", "preparation", "confidence"].flatMap((field) => {
    const text = facts.get(field);
    return text === undefined ? [] : [[field, text] as const];
  });
  const { normalization, preparation = GARMENT, confidence } = factsFromText(Object.fromEntries(stated), fileName);
  return {
    model: facts.get("model"),
    weightsSha256: facts.get("weightsSha256"),
    classNames,
    normalization,
    preparation,
    confidence,
  };
}

function decode(bytes: Uint8Array, fileName: string) {
  if (bytes.length === 0) throw new UserError(`${fileName} is empty; train or export it again`);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new UserError(`${fileName} is not an ONNX model; train or export it again`, { cause });
  }
}
