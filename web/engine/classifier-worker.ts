import { imageBytes } from "../../src/data/image-set.ts";
import { evaluationBatchSize } from "../../src/evaluation/evaluate.ts";
import { occludedImages, occlusionFor, occlusionGrid, occlusionMap } from "../../src/evaluation/occlusion.ts";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import type { Preparation } from "../../src/imaging/preparation.ts";
import type { ModelSession } from "../../src/runtime/model-session.ts";
import { openModel } from "../../src/runtime/web/index.ts";
import { getBytes, runPath } from "../api/client.ts";
import { ORT_FILES, requireWebAssembly, threadsHere } from "./ort-files.ts";
import { preparePicture, shrunkSize } from "./prepare-picture.ts";
import { answerCalls } from "./worker-rpc.ts";

/** Classifies images in a worker, so that the page stays responsive. One model is open at a time. */

/** Source of a model: a run of the server, or the file's bytes. */
export type ModelSource =
  | { readonly kind: "run"; readonly id: string }
  | { readonly kind: "file"; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };

export interface Answer {
  /** The network's input, 0 to 255, [channels, height, width]. */
  readonly pixels: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** By class index. */
  readonly probabilities: Float32Array;
  readonly classNames: readonly string[];
  /** Probability below which no class is likely enough for an answer; 0: every image gets one. */
  readonly unknownBelow: number;
}

/** Occlusion map; see `occlusionMap`. */
export interface Attention {
  readonly map: Float32Array;
  readonly columns: number;
}

interface OpenModel {
  readonly source: ModelSource;
  readonly session: ModelSession;
  readonly classNames: readonly string[];
  readonly unknownBelow: number;
  readonly preparation: Preparation;
}

let current: OpenModel | undefined;

async function open(source: ModelSource): Promise<OpenModel> {
  if (current && isSame(current.source, source)) return current;
  requireWebAssembly();
  await current?.session.release();
  current = undefined;
  const name = source.kind === "run" ? `${source.id}'s model.onnx` : source.name;
  const bytes = source.kind === "run" ? await getBytes(runPath(source.id, "/model.onnx")) : source.bytes;
  const { classNames, preparation, confidence } = readModelMetadata(bytes, name);
  const session = await openModel(bytes, name, { threads: threadsHere(), files: ORT_FILES });
  current = { source, session, classNames, unknownBelow: confidence?.unknownBelow ?? 0, preparation };
  return current;
}

/**
 * Whether two sources are the same model. Files are compared by identity, as each training in the page creates a new
 * one.
 */
function isSame(a: ModelSource, b: ModelSource): boolean {
  if (a.kind === "run") return b.kind === "run" && a.id === b.id;
  return b.kind === "file" && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}

async function ask({ session, classNames, unknownBelow }: OpenModel, pixels: Uint8Array): Promise<Answer> {
  const probabilities = await session.probabilities(pixels);
  return { pixels, ...session.imageShape, probabilities, classNames, unknownBelow };
}

const api = {
  /** Prepares a picture like the training images and classifies it. The picture is closed. */
  async classifyPicture({ source, picture }: { source: ModelSource; picture: ImageBitmap }): Promise<Answer> {
    const model = await open(source);
    const { preparation, session } = model;
    const smaller = shrunkSize(picture, preparation, session.imageShape);
    const shown = smaller ? await createImageBitmap(picture, smaller) : picture;
    if (shown !== picture) picture.close();
    return ask(model, preparePicture(shown, preparation, session.imageShape));
  },

  /** Classifies an image in the network's input format. */
  async classifyPixels({ source, pixels }: { source: ModelSource; pixels: Uint8Array }): Promise<Answer> {
    const model = await open(source);
    const { channels, height, width } = model.session.imageShape;
    if (pixels.length !== channels * height * width) {
      throw new Error(`This network takes images of ${width}x${height}: choose the picture once more.`);
    }
    return ask(model, pixels);
  },

  async attention(wanted: { source: ModelSource; pixels: Uint8Array; label: number }): Promise<Attention> {
    const { session } = await open(wanted.source);
    const whole = await session.probabilities(wanted.pixels);
    const { imageShape } = session;
    const options = occlusionFor(imageShape);
    const images = occludedImages(wanted.pixels, imageShape, options);
    const occluded: number[] = [];
    const batch = evaluationBatchSize(imageShape) * imageBytes(imageShape);
    for (let at = 0; at < images.length; at += batch) {
      occluded.push(...(await session.probabilities(images.subarray(at, at + batch))));
    }
    const map = occlusionMap(whole, Float32Array.from(occluded), wanted.label);
    return { map, columns: occlusionGrid(imageShape, options).columns };
  },
};

export type ClassifierApi = typeof api;

answerCalls(api);
