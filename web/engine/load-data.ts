import { createImageSet, type ImageSet } from "../../src/data/image-set.ts";
import type { Preparation } from "../../src/imaging/preparation.ts";
import type { DatasetSummary } from "../../src/server/api-types.ts";
import { getBytes, getJson } from "../api/client.ts";

export interface DataSet {
  readonly train: ImageSet;
  /** Undefined for too few pictures of the user's own. */
  readonly test: ImageSet | undefined;
  /** How pictures are converted to such images. */
  readonly preparation: Preparation;
}

/** Loads the data set from the server. */
export async function loadData(): Promise<DataSet> {
  const summary = await getJson<DatasetSummary>("/api/dataset");
  const [train, test] = await Promise.all([loadPart("train", summary), loadPart("test", summary)]);
  const { validation, preparation } = summary;
  return { train: validation ? { ...train, validation: Uint32Array.from(validation) } : train, test, preparation };
}

async function loadPart(part: "train" | "test", summary: DatasetSummary): Promise<ImageSet> {
  const [images, labels] = await Promise.all([
    getBytes(`/api/dataset/${part}-images`),
    getBytes(`/api/dataset/${part}-labels`),
  ]);
  const { channels, height, width, classes } = summary;
  return createImageSet({ images, labels, channels, height, width, classNames: classes }, `${part}-labels`);
}
