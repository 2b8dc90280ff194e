import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Augmentation, augmentImage } from "../../data/augmentation.ts";
import { type ImageSet, imageBytes, type LabelledSet } from "../../data/image-set.ts";
import type { Report } from "../../data/node/chain.ts";
import { keep, readKept } from "../../data/node/kept-files.ts";
import { defaultPictureCache, type PictureCache } from "../../data/node/picture-cache.ts";
import type { LabelledData, TrainingData } from "../../data/training-data.ts";
import type { Backbone } from "../../formats/backbone.ts";
import { MAX_VIEWS, type Recipe, type Views } from "../../recipes/recipe.ts";
import type { FeatureSession } from "../../runtime/model-session.ts";
import { openFeatureSession, readFeatureModel } from "./open-backbone.ts";

/** Images per run of the network. */
const BATCH = 8;
const EXTENSION = ".features";
/** Changes when a file has other contents for the same key. */
const FORMAT = 1;

/** How features are computed, and where they are kept. */
export interface FeatureOptions {
  readonly threads: number;
  /** Takes lines about a cache that is damaged or cannot be written. */
  readonly report: Report;
  /** Called after each batch. */
  readonly onImages?: ((done: number, total: number) => void) | undefined;
  /** Images, from the first on, whose features are likely kept already, as another run was trained on them. Default: none. */
  readonly before?: { readonly train: number; readonly validation: number } | undefined;
  /** Default: beside the decoded pictures (`defaultPictureCache`). */
  readonly cache?: PictureCache | undefined;
}

/** What a recipe trains on: the images, or the features that its backbone makes of them. @throws UserError as `featuresOf` */
export async function trainingValues(
  { backbone, augmentation, views }: Pick<Recipe, "backbone" | "augmentation" | "views">,
  data: TrainingData,
  options: FeatureOptions,
): Promise<LabelledData> {
  if (!backbone) return data;
  if (!views) return featuresOf(data, backbone, options);
  return featuresOf(data, backbone, options, { augmentation, ...views });
}

/** Views of each training image, as a recipe describes them. */
interface AugmentedViews extends Views {
  readonly augmentation: Augmentation;
}

/** One of them; none is the image itself. */
interface View extends Omit<AugmentedViews, "count"> {
  /** From 1 up. */
  readonly number: number;
}

/**
 * Images as a view shows them, in memory of their own.
 *
 * @param first number of the first image in its set, which decides what is drawn
 */
function viewed(
  { images, ...geometry }: Pick<ImageSet, "images" | "channels" | "height" | "width">,
  first: number,
  { augmentation, seed, number }: View,
): Uint8Array {
  const size = imageBytes(geometry);
  const result = new Uint8Array(images.length);
  for (let at = 0; at < images.length; at += size) {
    augmentImage(images, at, result, at, geometry, augmentation, {
      seed,
      // The same for an image of a set that grows, and for any number of views.
      place: (first + at / size) * MAX_VIEWS + number,
      mirrored: number % 2 === 1,
    });
  }
  return result;
}

/**
 * The features that a frozen network makes of images, computed once: they are kept on disk and reused while images and
 * network are the same.
 *
 * @throws UserError when the backbone's file is missing or has changed, or does not run
 */
async function featuresOf(
  data: TrainingData,
  backbone: Backbone,
  options: FeatureOptions,
  views?: AugmentedViews,
): Promise<LabelledData> {
  const model = readFeatureModel(backbone);
  const viewCount = views?.count ?? 1;
  const total = data.train.count * viewCount + (data.validation?.count ?? 0);
  let session: FeatureSession | undefined;
  const run = async (pixels: Uint8Array, count: number) => {
    session ??= await openFeatureSession(model, options.threads, backbone.file);
    const { channels, height, width } = backbone.input;
    return session.run(pixels, [count, channels, height, width]);
  };
  let done = 0;
  const computed = async (set: ImageSet, before = 0, view?: View): Promise<Float32Array> => {
    const of = { backbone, view, views: viewCount };
    const size = imageBytes(set);
    const compute = async (from: number, end: number) => {
      const values = new Float32Array((end - from) * backbone.features);
      for (let start = from; start < end; start += BATCH) {
        const count = Math.min(BATCH, end - start);
        const images = set.images.subarray(start * size, (start + count) * size);
        const pixels = view ? viewed({ ...set, images }, start, view) : images;
        values.set(await run(pixels, count), (start - from) * backbone.features);
        options.onImages?.(done + start + count, total);
      }
      return values;
    };
    const features = await once(set, of, options, async () => {
      if (before === 0 || before >= set.count) return compute(0, set.count);
      const first = { images: set.images.subarray(0, before * size), count: before };
      const known = await once(first, of, options, () => compute(0, before));
      const values = new Float32Array(set.count * backbone.features);
      values.set(known);
      values.set(await compute(before, set.count), known.length);
      return values;
    });
    done += set.count;
    return features;
  };
  const labelled = ({ labels, count, classNames }: ImageSet, images: Float32Array): LabelledSet => ({
    ...{ images, labels, count, classNames },
    ...{ channels: backbone.features, height: 1, width: 1 },
  });
  const ofViews = async (set: ImageSet, { count, ...each }: AugmentedViews): Promise<LabelledSet> => {
    const size = set.count * backbone.features;
    const all = new Float32Array(count * size);
    for (let number = 0; number < count; number++) {
      all.set(
        await computed(set, options.before?.train, number === 0 ? undefined : { ...each, number }),
        number * size,
      );
    }
    return { ...labelled(set, all), views: count };
  };
  try {
    const { train, validation } = data;
    return {
      train: views ? await ofViews(train, views) : labelled(train, await computed(train, options.before?.train)),
      validation: validation && labelled(validation, await computed(validation, options.before?.validation)),
    };
  } finally {
    await session?.release();
  }
}

/** Sets whose features stay in memory, beside further views: a choice of settings trains on the same ones again and again. */
const RECENT_SETS = 4;
const recent = new Map<string, Float32Array>();

/** What is computed of a set, from memory or disk if it was before. */
async function once(
  { images, count }: Pick<ImageSet, "images" | "count">,
  { backbone, view, views }: { backbone: Backbone; view: View | undefined; views: number },
  { report, cache = defaultPictureCache() }: FeatureOptions,
  compute: () => Promise<Float32Array>,
): Promise<Float32Array> {
  // Not the file's name, which does not decide the result.
  const { file: _, multiplyAdds: __, ...what } = backbone;
  const key = createHash("sha256")
    .update(JSON.stringify([FORMAT, what, count, ...(view ? [view] : [])]))
    .update(images)
    .digest("hex");
  const known = recent.get(key);
  if (known) return known;
  const features = await (cache
    ? onceOnDisk(key, 4 * count * backbone.features, { report, cache }, compute)
    : compute());
  recent.set(key, features);
  for (const oldest of [...recent.keys()].slice(0, -(RECENT_SETS + views - 1))) recent.delete(oldest);
  return features;
}

/** @param size in bytes */
async function onceOnDisk(
  key: string,
  size: number,
  { report, cache }: { report: Report; cache: PictureCache },
  compute: () => Promise<Float32Array>,
): Promise<Float32Array> {
  const path = join(cache.folder, `${key}${EXTENSION}`);
  const words = {
    report,
    what: "the features",
    instead: "the features are computed again",
    without: "TAILOR_PICTURE_CACHE=off",
  };
  const found = await readKept(path, (_about, content) => (content.length === size ? content : undefined), words);
  // In memory of its own: a view of float32 must begin at a multiple of four bytes.
  if (found) return new Float32Array(found.slice().buffer);
  const features = await compute();
  const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
  if (size <= cache.maxSetBytes) await keep(path, { key }, bytes, { limits: cache, words });
  return features;
}
