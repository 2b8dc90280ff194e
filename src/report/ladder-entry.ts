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

type Known = "name" | "claimed" | "clean" | "data" | "kind" | "source";

/** An entry of the ladder whose unnamed costs are not known. */
export function rung(entry: Pick<LadderEntry, Known> & Partial<LadderEntry>): LadderEntry {
  return { parameters: null, multiplyAdds: null, epochs: null, hardware: null, ...entry };
}
