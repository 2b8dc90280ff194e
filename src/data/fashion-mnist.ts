import type { ImageTask } from "../nn/model.ts";

/** One published file, described by its uncompressed content: gzip bytes depend on the program that compressed it. */
export interface PublishedFile {
  /** Name of the uncompressed file; the compressed one ends in ".gz". */
  readonly name: string;
  readonly bytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** The four files of a data set in MNIST's format. */
export const DATA_PARTS = ["trainImages", "trainLabels", "testImages", "testLabels"] as const;
export type DataPart = (typeof DATA_PARTS)[number];

/** A data set published as four IDX files: grey images and labels, for training and testing. */
export interface PublishedData {
  readonly title: string;
  /** Its folder inside the cache. */
  readonly folder: string;
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  readonly classNames: readonly string[];
  readonly files: Readonly<Record<DataPart, PublishedFile>>;
}

/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
 * Algorithms", arXiv 1708.07747): 60,000 + 10,000 grey images of 28x28, MIT licence. These are the files after the
 * de-duplication of 31 August 2017.
 */
export const FASHION_MNIST: PublishedData = {
  title: "Fashion-MNIST",
  folder: "fashion-mnist",
  height: 28,
  width: 28,
  classNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  files: {
    trainImages: {
      name: "train-images-idx3-ubyte",
      bytes: 47_040_016,
      sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    trainLabels: {
      name: "train-labels-idx1-ubyte",
      bytes: 60_008,
      sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    testImages: {
      name: "t10k-images-idx3-ubyte",
      bytes: 7_840_016,
      sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    testLabels: {
      name: "t10k-labels-idx1-ubyte",
      bytes: 10_008,
      sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  },
};

/** The classification task of Fashion-MNIST: 10 classes of gray 28x28 images. */
export const FASHION_MNIST_TASK: ImageTask = {
  channels: 1,
  height: FASHION_MNIST.height,
  width: FASHION_MNIST.width,
  classes: FASHION_MNIST.classNames.length,
};

/** Mean and standard deviation of the 55,000 images of the training split, for pixels scaled to 0..1. */
export const FASHION_MNIST_NORMALIZATION = { mean: [0.2859677154498163], standardDeviation: [0.35296247972963896] };
