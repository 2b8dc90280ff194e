import { inParts, mapConcurrently } from "../../data/concurrently.ts";
import { UserError } from "../../errors.ts";
import { readModelMetadata } from "../../formats/model-metadata.ts";
import { readModelAt } from "../../runs/node/run-files.ts";
import { openModel as openOnProcessor } from "../../runtime/node/open-model.ts";
import {
  type Classification,
  type Classifier,
  type ClassifyOptions,
  type ImageInput,
  type Prediction,
  type PredictOptions,
  type PrepareOptions,
  topLabels,
} from "../prediction.ts";
import { preparePicture } from "./prepare-picture.ts";

/** Batch size: enough to keep the cores busy, few enough for progress updates. */
const BATCH_SIZE = 64;
/** Number of images decoded concurrently: twice the size of Node's thread pool, so that no thread is idle. */
const DECODED_AT_ONCE = 8;

/**
 * Opens the model of a run for classifying pictures.
 *
 * @param run a run folder, or an ONNX file that tailor wrote
 * @param options of the engine
 * @param options.threads default 2
 * @param options.openModel opens the model file; default: on the processor
 * @throws UserError when the model does not exist, cannot be read or does not match its checksum
 */
export async function loadClassifier(
  run: string,
  { threads = 2, openModel = openOnProcessor }: { threads?: number; openModel?: typeof openOnProcessor } = {},
): Promise<Classifier> {
  const { bytes, fileName, isVerified } = readModelAt(run);
  const { model, classNames, preparation, confidence } = readModelMetadata(bytes, fileName);
  const usualThreshold = confidence?.unknownBelow ?? 0;
  const session = await openModel(bytes, fileName, { threads, isAlone: false });
  if (session.classes !== classNames.length) {
    await session.release();
    throw new UserError(`${fileName} has ${session.classes} outputs but names ${classNames.length} classes`);
  }
  const { imageShape } = session;
  const imageSize = imageShape.channels * imageShape.height * imageShape.width;

  const prepare = (image: ImageInput, options: PrepareOptions = {}): Promise<Uint8Array> =>
    preparePicture(image, { preparation, imageShape, ...options });

  const timedPrepare = async (image: ImageInput, options: PrepareOptions): Promise<Prepared> => {
    const started = performance.now();
    const pixels = await prepare(image, options);
    return { image, pixels, milliseconds: performance.now() - started };
  };

  const classify = async (
    images: readonly Uint8Array[],
    { top = 3, unknownBelow = usualThreshold }: ClassifyOptions = {},
  ): Promise<Classification[]> => {
    if (images.length === 0) return [];
    const batch = new Uint8Array(images.length * imageSize);
    for (const [i, pixels] of images.entries()) {
      if (pixels.length !== imageSize) {
        throw new RangeError(`the model takes images of ${imageSize} values, got one of ${pixels.length}`);
      }
      batch.set(pixels, i * imageSize);
    }
    const probabilities = await session.probabilities(batch);
    return images.map((_, i) => {
      const scores = probabilities.subarray(i * classNames.length, (i + 1) * classNames.length);
      const best = topLabels(scores, classNames, Math.max(1, top));
      return { ...best[0]!, isUnknown: best[0]!.probability < unknownBelow, top: best.slice(0, top) };
    });
  };

  const predictAll = async (prepared: readonly Prepared[], options: PredictOptions): Promise<Prediction[]> => {
    const started = performance.now();
    const images = prepared.map(({ pixels }) => pixels);
    const classified = await classify(images, options);
    const share = (performance.now() - started) / prepared.length;
    return prepared.map(({ pixels, milliseconds }, i) => ({
      ...classified[i]!,
      milliseconds: milliseconds + share,
      pixels,
    }));
  };

  const prepareAll = (images: readonly ImageInput[], options: PredictOptions) =>
    mapConcurrently(images, DECODED_AT_ONCE, async (image): Promise<Prepared | Failed> => {
      try {
        return await timedPrepare(image, options);
      } catch (error) {
        if (error instanceof UserError) return { image, error };
        throw error;
      }
    });

  return {
    model,
    classes: classNames,
    imageShape,
    preparation,
    unknownBelow: usualThreshold,
    isVerified,
    prepare,
    classify,
    async predict(image, options = {}) {
      const [prediction] = await predictAll([await timedPrepare(image, options)], options);
      return prediction!;
    },
    async *predictMany(images, options = {}) {
      // The next part is decoded on other threads while the engine classifies this one.
      const parts = inParts(images, BATCH_SIZE);
      const start = () => {
        const { value: part } = parts.next();
        const work = part && prepareAll(part, options);
        work?.catch(() => {}); // It is awaited below; this prevents an unhandled rejection until then.
        return work;
      };
      let work = start();
      while (work) {
        const outcomes: (Prepared | Failed)[] = await work;
        work = start();
        const prepared = outcomes.filter((outcome) => "pixels" in outcome);
        const predictions = (await predictAll(prepared, options)).values();
        for (const outcome of outcomes) {
          if ("error" in outcome) yield outcome;
          else yield { image: outcome.image, prediction: predictions.next().value! };
        }
      }
    },
    release: () => session.release(),
  };
}

interface Prepared {
  readonly image: ImageInput;
  readonly pixels: Uint8Array;
  readonly milliseconds: number;
}

interface Failed {
  readonly image: ImageInput;
  readonly error: UserError;
}
