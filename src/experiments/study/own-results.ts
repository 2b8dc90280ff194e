import { type Spread, seedSpread } from "../../evaluation/significance.ts";
import { counted } from "../../text.ts";

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
  /** The recipe, and what sets its results apart where there are several. */
  readonly name: string;
  readonly origin: { readonly kind: "trained"; readonly runs: readonly string[] };
  readonly accuracy: Spread;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly epochs: number | null;
}

/**
 * The runs gathered by what they differ in besides their seeds, for the ladder. Results of one recipe are told apart in
 * their names: by their epochs, or else by the first run.
 */
export function ownResults(runs: readonly TestedOnce[]): OwnResult[] {
  const groups = [...new Set(runs.map(({ setting }) => setting))].map((setting) =>
    // The same seed twice is one run.
    runs.filter(
      (run, i) =>
        run.setting === setting && runs.findIndex((one) => one.setting === setting && one.seed === run.seed) === i,
    ),
  );
  const nameOf = ({ recipe, epochs, run }: TestedOnce) => {
    const namesakes = groups.map(([first]) => first!).filter((first) => first.recipe === recipe);
    if (namesakes.length === 1) return recipe;
    const isTold = epochs !== null && namesakes.filter((first) => first.epochs === epochs).length === 1;
    return `${recipe} (${isTold ? counted(epochs, "epoch") : run})`;
  };
  return groups.map((group) => {
    const [first] = group as [TestedOnce];
    const { parameters, multiplyAdds, epochs } = first;
    return {
      name: nameOf(first),
      origin: { kind: "trained", runs: group.map(({ run }) => run) },
      accuracy: seedSpread(group.map(({ metrics }) => metrics.accuracy)),
      parameters,
      multiplyAdds,
      epochs,
    };
  });
}
