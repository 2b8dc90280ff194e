import { PUBLISHED, rung } from "./published-networks.ts";

/** One published result on Fashion-MNIST's test images. What the columns mean and what was checked: docs/ladder.md. */
export interface LadderEntry {
  /** Short: fits a plot's label. */
  readonly name: string;
  /** Test accuracy as its author published it, 0 to 1. */
  readonly claimed: number | null;
  /** Test accuracy known to be on the de-duplicated data; the claim itself where it was made there. */
  readonly clean: number | null;
  /** What training changes: without running statistics, and without weights that the code never trains. */
  readonly parameters: number | null;
  /** Of one 28x28 image, forward, in convolutions and matrix products. */
  readonly multiplyAdds: number | null;
  readonly epochs: number | null;
  readonly hardware: string | null;
  /** The data that the claim was made on: the release of 31 August 2017, or the one before. */
  readonly data: "de-duplicated" | "before de-duplication" | "unknown";
  readonly kind: "study" | "course-type baseline" | "published";
  readonly source: string;
  /** One sentence. */
  readonly note?: string;
}

/** A published figure that is no result on the test images, or most likely none. */
export interface NotCredible {
  readonly name: string;
  readonly claimed: number;
  /** One sentence. */
  readonly why: string;
  readonly source: string;
}

const STUDY: readonly LadderEntry[] = [
  { name: "Base (study)", accuracy: 0.9165 },
  { name: "Enhanced (study)", accuracy: 0.9268 },
].map(({ name, accuracy }) =>
  rung({
    name,
    claimed: accuracy,
    clean: accuracy,
    epochs: 70,
    data: "de-duplicated",
    kind: "study",
    source: "https://github.com/siuLongBao/fashion-mnist",
    note: "Epochs read off its published curves; its exact layers are not published.",
  }),
);

/** The networks of two convolutions in Zalando's table: what a course sets as a benchmark looks like these. */
const COURSE_TYPE: readonly LadderEntry[] = (
  [
    {
      name: "2 conv (Rasul)",
      claimed: 0.876,
      clean: null,
      data: "before de-duplication",
      source: "https://gist.github.com/kashif/76792939dd6f473b7404474989cb62a8",
    },
    {
      name: "2 conv ELU (Hinge)",
      claimed: 0.9026,
      clean: 0.9026,
      parameters: 28_938,
      multiplyAdds: 2_838_080,
      epochs: 30,
      data: "de-duplicated",
      source: "https://github.com/AbhirajHinge/CNN-with-Fashion-MNIST-dataset",
      note: "Parameters and multiply-adds counted from its published code.",
    },
    {
      name: "2 conv (TF tutorial)",
      claimed: 0.916,
      clean: null,
      parameters: 3_274_634,
      multiplyAdds: 13_883_904,
      data: "before de-duplication",
      source: "https://github.com/zalandoresearch/fashion-mnist/blob/master/benchmark/convnet.py",
      note: "Parameters and multiply-adds counted from its published code.",
    },
    {
      name: "SimpleNet (kefth)",
      claimed: 0.919,
      clean: 0.923,
      parameters: 421_642,
      multiplyAdds: 4_241_152,
      data: "before de-duplication",
      source: "https://github.com/kefth/fashion-mnist",
      note: "The layers of tailor's base with dropout, counted from its published code; the later figure is without augmentation.",
    },
    {
      name: "2 conv 113K (abelusha)",
      claimed: 0.9216,
      clean: null,
      parameters: 113_386,
      multiplyAdds: 1_413_504,
      epochs: 50,
      data: "before de-duplication",
      source: "https://github.com/abelusha/MNIST-Fashion-CNN/blob/master/Fashon_MNIST_CNN_using_Keras_10_Runs.ipynb",
      note: "Mean of 10 runs on the CSV copy, whose first labels are those of the earlier release; multiply-adds counted from its published code.",
    },
    {
      name: "2 conv <100K (hardmaru)",
      claimed: 0.9247,
      clean: null,
      parameters: 83_466,
      multiplyAdds: 10_693_760,
      epochs: 30,
      data: "before de-duplication",
      source: "https://github.com/hardmaru/pytorch_notebooks/blob/dc5aece/pytorch_tiny_custom_mnist_adam.ipynb",
      note: "Its notebook loads the very first release; multiply-adds counted from its published code.",
    },
    {
      name: "2 conv 1.9M (Xfan1025)",
      claimed: 0.932,
      clean: null,
      parameters: 1_879_042,
      multiplyAdds: 54_407_808,
      epochs: 30,
      data: "unknown",
      source: "https://github.com/Xfan1025/Fashion-MNIST",
      note: "Multiply-adds counted from its published code.",
    },
    {
      name: "2 conv flips (ashmeet13)",
      claimed: 0.9329,
      clean: 0.9329,
      parameters: 16_841_802,
      multiplyAdds: 22_163_968,
      epochs: 30,
      data: "de-duplicated",
      source: "https://github.com/ashmeet13/FashionMNIST-CNN",
      note: "Parameters and multiply-adds counted from its published code.",
    },
    {
      name: "4 conv BN (khanguyen1207)",
      claimed: 0.9337,
      clean: 0.9337,
      parameters: 1_694_186,
      multiplyAdds: 33_146_368,
      epochs: 40,
      data: "de-duplicated",
      source: "https://github.com/khanguyen1207/My-Machine-Learning-Corner",
      note: "In Zalando's table as 2 Conv+pooling+BN, but its code has two pairs of convolutions; counted from that code.",
    },
    {
      name: "2 conv 494K (cmasch)",
      claimed: 0.9343,
      clean: 0.9327,
      parameters: 493_772,
      multiplyAdds: 9_159_296,
      epochs: 80,
      data: "unknown",
      source: "https://github.com/cmasch/zalando-fashion-mnist",
      note: "Means of 5 models, the second from its notebook of 2020; multiply-adds counted from its published code.",
    },
  ] as const
).map((entry) => rung({ ...entry, kind: "course-type baseline" }));

/** Published results, the study first, then by kind and claimed accuracy. */
export const LADDER: readonly LadderEntry[] = [...STUDY, ...COURSE_TYPE, ...PUBLISHED];

export const NOT_CREDIBLE: readonly NotCredible[] = [
  {
    name: "CNN-3-128 (Mukhamediev)",
    claimed: 0.9965,
    why: "Three convolutions reach 90 to 94 % everywhere else, and no other network reaches 97 %.",
    source: "https://www.mdpi.com/2227-7390/12/20/3174",
  },
  {
    name: "DARTS (khanrc)",
    claimed: 0.9927,
    why: "Three points above the 96.57 % that arXiv 2006.09042 gives the same method.",
    source: "https://github.com/khanrc/pt.darts",
  },
  {
    name: "2 conv (Noumanmufc1)",
    claimed: 0.992,
    why: "Doubted by the data set's maintainer in the thread; the same author's later entry in the table is 93.1 %.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/119",
  },
  {
    name: "DNN (SrCMpink)",
    claimed: 0.9896,
    why: "Labelled invalid by the data set's maintainer.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/110",
  },
  {
    name: "CNN (liubo0902)",
    claimed: 0.9765,
    why: "Its log counts 58,591 of 60,000 images: those are the training images.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/174",
  },
  {
    name: "2 conv (kickereb)",
    claimed: 0.9709,
    why: "Its notebook evaluates the training images; on the test images its last epoch has 91.19 %.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/157",
  },
  {
    name: "WRN-40-4 in Zalando's table",
    claimed: 0.967,
    why: "A slip: submitted as 3.93 % error, which is 96.07 %.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/10",
  },
  {
    name: "mnist-solver (twitu)",
    claimed: 0.95,
    why: "More than 95 % in one epoch: its code loads MNIST, the digits.",
    source: "https://github.com/twitu/mnist-solver",
  },
  {
    name: "2 Conv+2 FC in Zalando's table",
    claimed: 0.939,
    why: "A slip: its author gives 93.29 %.",
    source: "https://github.com/zalandoresearch/fashion-mnist/issues/133",
  },
];
