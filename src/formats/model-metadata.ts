import { fromBinary } from "@bufbuild/protobuf";
import { UserError } from "../errors.ts";
import { GARMENT, type Preparation } from "../imaging/preparation.ts";
import { ModelProtoSchema } from "../onnx/generated/onnx_pb.ts";
import { classNamesFromText, factsFromText } from "./network-facts.ts";

/** What a model's file says of itself. */
export interface ModelMetadata {
  /** The network's name. */
  readonly model: string | undefined;
  /** The checksum of its weights in the record of their run; files of older versions do not say. */
  readonly weightsSha256: string | undefined;
  /** By class number. */
  readonly classNames: readonly string[];
  /** What turns pictures into the network's pixels. */
  readonly preparation: Preparation;
}

/**
 * Reads the metadata that `inferenceModel` writes.
 *
 * @param fileName named in errors
 * @throws UserError when the bytes are no ONNX model, or name no classes
 */
export function readModelMetadata(bytes: Uint8Array, fileName: string): ModelMetadata {
  const facts = new Map(decode(bytes, fileName).metadataProps.map(({ key, value }) => [key, value]));
  const classNames = classNamesFromText(facts.get("classes") ?? "");
  if (!classNames) {
    throw new UserError(
      `${fileName} names no classes: its metadata "classes" must be a JSON list of names, as tailor writes it`,
    );
  }
  const stated = facts.get("preparation");
  const { preparation = GARMENT } = stated === undefined ? {} : factsFromText({ preparation: stated }, fileName);
  return { model: facts.get("model"), weightsSha256: facts.get("weightsSha256"), classNames, preparation };
}

function decode(bytes: Uint8Array, fileName: string) {
  if (bytes.length === 0) throw new UserError(`${fileName} is empty; train or export it again`);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new UserError(`${fileName} is not an ONNX model; train or export it again`, { cause });
  }
}
