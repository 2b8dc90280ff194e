import type { ImageSet } from "../data/image-set.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { Interval, PairedComparison, Spread } from "../evaluation/significance.ts";
import type { MetricsLine } from "../runs/metrics.ts";

/** All that a study's report says, before it is words and pictures. Accuracies are fractions. */
export interface StudyReport {
  /** A quick study trains on a part of the images for a few epochs: its figures are no result. */
  readonly isQuick: boolean;
  /** Whether the data is Fashion-MNIST as it was published; published results say nothing of other data. */
  readonly isFashionMnist: boolean;
  readonly setting: StudySetting;
  /** In reading order: the study's published pair, the repeated study, ours. */
  readonly results: readonly ModelResult[];
  /** Enhanced minus Base, for each of these pairs. */
  readonly gains: readonly Gain[];
  /** One of each recipe that was trained here: its first seed in detail. */
  readonly models: readonly ModelDetail[];
  /** The test images, of which a sample is shown and from which mistakes are taken. */
  readonly test: ImageSet;
  /** Paragraphs made from the figures. */
  readonly conclusion: readonly string[];
}

export interface StudySetting {
  /** ISO 8601. */
  readonly date: string;
  /** Of the checkout; null when there was none. */
  readonly commit: string | null;
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly versions: { readonly tailor: string; readonly node: string; readonly onnxruntime: string };
  readonly dataSource: string;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly testImages: number;
  readonly epochs: number;
  /** What was typed, to do it again. */
  readonly command: string;
}

export type Role = "base" | "enhanced";

/** A line of the first table. */
export interface ModelResult {
  /** `base`, or "study's Base Model". */
  readonly name: string;
  readonly role: Role;
  readonly origin: Origin;
  /** On the test images, last epoch, no test-time averaging. */
  readonly accuracy: Spread;
  readonly epochs: number | null;
  readonly parameters: number | null;
  /** Of one image, forward. */
  readonly multiplyAdds: number | null;
  /** Training time of a run on the machine it was trained on: the mean, of committed results the least. */
  readonly seconds: number | null;
}

export type Origin =
  | { readonly kind: "published"; readonly source: string }
  /** Read from the result files that come with tailor: trained earlier, on the machine they name. */
  | { readonly kind: "committed"; readonly files: readonly string[]; readonly commit: string; readonly cpu: string }
  | { readonly kind: "trained"; readonly runs: readonly string[] };

/** Enhanced minus Base of one pair of rows. */
export interface Gain {
  readonly base: string;
  readonly enhanced: string;
  /** Of the mean accuracies, as a fraction. */
  readonly difference: number;
  /** 95 %, over seeds (Welch); null with a single seed or none known. */
  readonly overSeeds: Interval | null;
  /** The first seed's two runs on the same test images; null where no run is at hand. */
  readonly paired: PairedComparison | null;
}

/** What is shown of one recipe that was trained here. */
export interface ModelDetail {
  readonly recipe: string;
  readonly description: string;
  /** All its runs, for the curves. */
  readonly runs: readonly { readonly seed: number; readonly path: string; readonly epochs: readonly MetricsLine[] }[];
  /** The first run on the test images, */
  readonly test: ClassificationMetrics;
  /** and with test-time averaging of each image and its mirror image. */
  readonly testAveraged: ClassificationMetrics;
}
