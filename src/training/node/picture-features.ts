import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Augmentation, augmentImage } from "../../data/augmentation.ts";
import { type ImageGeometry, type ImageSet, imageBytes, type LabelledSet } from "../../data/image-set.ts";
import type { Report } from "../../data/node/chain.ts";
import { keep, readKept } from "../../data/node/kept-files.ts";
import { defaultPictureCache, type PictureCache } from "../../data/node/picture-cache.ts";
import { createRowStore } from "../../data/node/row-store.ts";
import { bytesOf, joinRows, type Rows, selectRows } from "../../data/rows.ts";
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

/** The features of images, a row for each. */
type Features = Rows<Float32Array>;

/**
 * Images as a view shows them, in memory of their own.
 *
 * @param images [count, channels, height, width]
 * @param first number of the first image in its set, which decides what is drawn
 */
function viewed(
  images: Uint8Array,
  geometry: ImageGeometry,
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
  const computed = async (set: ImageSet, before = 0, view?: View): Promise<Features> => {
    const of = { backbone, view, views: viewCount };
    const compute = async (from: number, end: number) => {
      const shape = { dtype: "float32", count: end - from, size: backbone.features } as const;
      const store = await createRowStore<Float32Array>({ ...shape, what: WHAT, sharedBy: recentSets(viewCount) });
      for (let start = from; start < end; start += BATCH) {
        const count = Math.min(BATCH, end - start);
        const images = set.images.read(start, start + count);
        const pixels = view ? viewed(images, set, start, view) : images;
        store.write(start - from, await run(pixels, count));
        options.onImages?.(done + start + count, total);
      }
      return store.rows();
    };
    const features = await once(set.images, of, options, async () => {
      if (before === 0 || before >= set.count) return compute(0, set.count);
      const first = selectRows(
        set.images,
        Uint32Array.from({ length: before }, (_, i) => i),
      );
      const known = await once(first, of, options, () => compute(0, before));
      return joinRows([known, await compute(before, set.count)]);
    });
    done += set.count;
    return features;
  };
  const labelled = ({ labels, count, classNames }: ImageSet, images: Features): LabelledSet => ({
    ...{ images, labels, count, classNames },
    ...{ channels: backbone.features, height: 1, width: 1 },
  });
  const ofViews = async (set: ImageSet, { count, ...each }: AugmentedViews): Promise<LabelledSet> => {
    const all: Features[] = [];
    for (let number = 0; number < count; number++) {
      all.push(await computed(set, options.before?.train, number === 0 ? undefined : { ...each, number }));
    }
    return { ...labelled(set, joinRows(all)), views: count };
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

const WHAT = "the features";

/** Sets whose features stay at hand, beside further views: a choice of settings trains on the same ones again and again. */
const RECENT_SETS = 4;
const recentSets = (views: number) => RECENT_SETS + views - 1;
const recent = new Map<string, Features>();

/** What is computed of a set, from memory or disk if it was before. */
async function once(
  images: Rows,
  { backbone, view, views }: { backbone: Backbone; view: View | undefined; views: number },
  { report, cache = defaultPictureCache() }: FeatureOptions,
  compute: () => Promise<Features>,
): Promise<Features> {
  // Not the file's name, which does not decide the result.
  const { file: _, multiplyAdds: __, ...what } = backbone;
  const hash = createHash("sha256").update(JSON.stringify([FORMAT, what, images.count, ...(view ? [view] : [])]));
  for (const bytes of bytesOf(images)) hash.update(bytes);
  const key = hash.digest("hex");
  const known = recent.get(key);
  if (known) return known;
  const form = { dtype: "float32", count: images.count, size: backbone.features } as const;
  const features = await (cache
    ? onceOnDisk(key, form, { report, cache, sharedBy: recentSets(views) }, compute)
    : compute());
  recent.set(key, features);
  for (const oldest of [...recent.keys()].slice(0, -recentSets(views))) recent.delete(oldest);
  return features;
}

async function onceOnDisk(
  key: string,
  form: Omit<Features, "read">,
  { report, cache, sharedBy }: { report: Report; cache: PictureCache; sharedBy: number },
  compute: () => Promise<Features>,
): Promise<Features> {
  const path = join(cache.folder, `${key}${EXTENSION}`);
  const words = {
    report,
    what: WHAT,
    instead: "the features are computed again",
    without: "TAILOR_PICTURE_CACHE=off",
    sharedBy,
  };
  const found = await readKept<undefined, Float32Array>(path, () => ({ about: undefined, form }), words);
  if (found) return found.rows;
  const features = await compute();
  if (4 * form.count * form.size <= cache.maxSetBytes) await keep(path, { key }, features, { limits: cache, words });
  return features;
}
