import { type Spread, spreadOf } from "../evaluation/significance.ts";

/** A run as it was tested. */
export interface TestedOnce {
  /** Names the run. */
  readonly run: string;
  readonly recipe: string;
  readonly seed: number | null;
  /** Two runs of which this is equal differ in their seeds only. */
  readonly setting: string;
  readonly epochs: number | null;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly metrics: { readonly accuracy: number };
}

/** Runs that differ in their seeds only, as one rung of the ladder. */
export interface OwnResult {
  /** The recipe. */
  readonly name: string;
  readonly origin: { readonly kind: "trained"; readonly runs: readonly string[] };
  readonly accuracy: Spread;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly epochs: number | null;
}

/** The runs gathered by what they differ in besides their seeds, for the ladder. */
export function ownResults(runs: readonly TestedOnce[]): OwnResult[] {
  return [...new Set(runs.map(({ setting }) => setting))].map((setting) => {
    // The same seed twice is one run.
    const group = runs.filter(
      (run, i) =>
        run.setting === setting && runs.findIndex((one) => one.setting === setting && one.seed === run.seed) === i,
    );
    const { recipe, parameters, multiplyAdds, epochs } = group[0]!;
    return {
      name: recipe,
      origin: { kind: "trained", runs: group.map(({ run }) => run) },
      accuracy: spreadOf(group.map(({ metrics }) => metrics.accuracy)),
      parameters,
      multiplyAdds,
      epochs,
    };
  });
}
