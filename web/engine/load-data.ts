import { FASHION_MNIST } from "../../src/data/fashion-mnist.ts";
import { createImageSet, type ImageSet } from "../../src/data/image-set.ts";
import { getBytes } from "../api/client.ts";

export interface DataSet {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** The data set, from the server that has it. */
export async function loadData(): Promise<DataSet> {
  const [train, test] = await Promise.all([loadPart("train"), loadPart("test")]);
  return { train, test };
}

async function loadPart(part: "train" | "test"): Promise<ImageSet> {
  const [images, labels] = await Promise.all([
    getBytes(`/api/dataset/${part}-images`),
    getBytes(`/api/dataset/${part}-labels`),
  ]);
  const { classNames, height, width } = FASHION_MNIST;
  return createImageSet({ images, labels, channels: 1, height, width, classNames }, `${part}-labels`);
}
