import { useEffect, useSyncExternalStore } from "react";
import { messageOf } from "../../src/errors.ts";
import type { BackboneSummary } from "../../src/server/api-types.ts";
import type { FeaturesApi } from "./features-worker.ts";
import type { OwnClasses, OwnPicture } from "./own-classes.ts";
import type { Pretrained } from "./training-messages.ts";
import { callsTo } from "./worker-rpc.ts";

/**
 * The features that a pretrained network makes of the user's pictures: computed once for each, as it is added. Like the
 * pictures they are global to the page.
 */

/** Features that were computed, by the network's description; those of a removed picture are freed with it. */
const computed = new Map<string, WeakMap<OwnPicture, Float32Array>>();
/** What is to be computed: the network and the pictures that were shown last. */
let wanted: { readonly backbone: BackboneSummary; readonly pictures: readonly OwnPicture[] } | undefined;
let failure: string | undefined;
let isComputing = false;
let version = 0;
const listeners = new Set<() => void>();

let calls: ReturnType<typeof callsTo<FeaturesApi>> | undefined;

/** The worker, with ONNX Runtime, starts on first use, and again after a failure. */
function worker(): NonNullable<typeof calls> {
  calls ??= callsTo<FeaturesApi>(
    new Worker(new URL("./features-worker.ts", import.meta.url), { type: "module", name: "features" }),
    () => {
      calls = undefined;
    },
  );
  return calls;
}

/** How far the features are. */
export interface FeatureState {
  readonly done: number;
  readonly total: number;
  /** Why no more are computed. */
  readonly failure: string | undefined;
}

/** Computes the features of all pictures, one after the other, unless there is no network. */
export function useFeatures(backbone: BackboneSummary | undefined, { classes }: OwnClasses): FeatureState {
  useSyncExternalStore(subscribe, () => version);
  useEffect(() => {
    // Another network may run where one did not.
    if (wanted?.backbone !== backbone) failure = undefined;
    wanted = backbone && { backbone, pictures: classes.flatMap(({ pictures }) => pictures) };
    void compute();
  }, [backbone, classes]);
  const pictures = classes.flatMap((one) => one.pictures);
  const known = backbone && knownTo(backbone);
  const done = known ? pictures.filter((picture) => known.has(picture)).length : 0;
  return { done, total: pictures.length, failure };
}

/** Undefined while they are not computed. */
export function featuresOf(backbone: BackboneSummary, picture: OwnPicture): Float32Array | undefined {
  return knownTo(backbone).get(picture);
}

function knownTo(backbone: BackboneSummary): WeakMap<OwnPicture, Float32Array> {
  const key = JSON.stringify(backbone);
  const known = computed.get(key) ?? new WeakMap<OwnPicture, Float32Array>();
  computed.set(key, known);
  return known;
}

/** The network with the file that the features are of. */
export async function pretrainedBy(backbone: BackboneSummary): Promise<Pretrained> {
  return { backbone, model: await worker()("model", { backbone }) };
}

export function retryFeatures(): void {
  failure = undefined;
  tell();
  void compute();
}

async function compute(): Promise<void> {
  if (isComputing) return;
  isComputing = true;
  try {
    for (let next = nextPicture(); next && failure === undefined; next = nextPicture()) {
      const { backbone, picture } = next;
      const { file, width, height } = picture;
      const features = await worker()("features", { backbone, picture: { file, width, height } });
      knownTo(backbone).set(picture, features);
      tell();
    }
  } catch (error) {
    failure = messageOf(error);
    tell();
  } finally {
    isComputing = false;
  }
}

function nextPicture() {
  if (!wanted) return undefined;
  const { backbone, pictures } = wanted;
  const known = knownTo(backbone);
  const picture = pictures.find((one) => !known.has(one));
  return picture && { backbone, picture };
}

function tell(): void {
  version++;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
