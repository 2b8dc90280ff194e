import type { ImageSet } from "../data/image-set.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import type { Interval, PairedComparison, Spread } from "../evaluation/significance.ts";
import type { MetricsLine } from "../runs/metrics.ts";

/** The data of a study's report. Accuracies are fractions. */
export interface StudyReport {
  /** A quick study trains on a subset of the images for a few epochs: its accuracies are not meaningful. */
  readonly isQuick: boolean;
  /** Whether the data is the published Fashion-MNIST; only then do published results apply. */
  readonly isFashionMnist: boolean;
  readonly setting: StudySetting;
  /** In reading order: the study's published pair, the repeated study, ours. */
  readonly results: readonly ModelResult[];
  /** Enhanced minus Base, for each pair. */
  readonly gains: readonly Gain[];
  /** Our networks (`enhanced`) minus ResNet18 (`base`), for each pair that was trained; empty without ResNet18. */
  readonly overResNet18: readonly Gain[];
  /** One for each recipe that was trained: its first seed in detail. */
  readonly models: readonly ModelDetail[];
  /** The test images, for the sample of the data and the mistakes. */
  readonly test: ImageSet;
  /** Paragraphs derived from the results. */
  readonly conclusion: readonly string[];
}

export interface StudySetting {
  /** ISO 8601. */
  readonly date: string;
  /** Commit of the checkout; null if there was none. */
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
  /** The command line, for reproduction. */
  readonly command: string;
}

export type Role = "base" | "enhanced" | "champion" | "resnet18";

/** A row of the results table. */
export interface ModelResult {
  /** `base`, or "study's Base Model". */
  readonly name: string;
  readonly role: Role;
  readonly origin: Origin;
  /** On the test images, after the last epoch, without test-time averaging. */
  readonly accuracy: Spread;
  readonly epochs: number | null;
  readonly parameters: number | null;
  /** Of the forward pass of one image. */
  readonly multiplyAdds: number | null;
  /** Training time of a run on its machine: the mean, for committed results the minimum. */
  readonly seconds: number | null;
}

export type Origin =
  | { readonly kind: "published"; readonly source: string }
  /** Read from the result files included in tailor: trained earlier, on the machine that they name. */
  | { readonly kind: "committed"; readonly files: readonly string[]; readonly commit: string; readonly cpu: string }
  | { readonly kind: "trained"; readonly runs: readonly string[] };

/** One network (`enhanced`) minus another (`base`), by their rows. */
export interface Gain {
  readonly base: string;
  readonly enhanced: string;
  /** Difference of the mean accuracies, as a fraction. */
  readonly difference: number;
  /** 95 % confidence interval over seeds (Welch); null with fewer than two seeds. */
  readonly overSeeds: Interval | null;
  /** Comparison of the first seed's two runs on the same test images; null where the runs are not available. */
  readonly paired: PairedComparison | null;
}

/** Details of one recipe that was trained. */
export interface ModelDetail {
  readonly recipe: string;
  readonly description: string;
  /** All runs of the recipe, for the curves. */
  readonly runs: readonly { readonly seed: number; readonly path: string; readonly epochs: readonly MetricsLine[] }[];
  /** Metrics of the first run on the test images. */
  readonly test: ClassificationMetrics;
  /** The same with test-time averaging of each image and its mirror image. */
  readonly testAveraged: ClassificationMetrics;
}
