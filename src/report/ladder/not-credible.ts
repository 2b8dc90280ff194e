/** A published figure that is (most likely) not a result on the test images. */
export interface NotCredible {
  readonly name: string;
  readonly claimed: number;
  /** One sentence. */
  readonly why: string;
  readonly source: string;
}

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
