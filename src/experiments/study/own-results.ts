import { type Spread, seedSpread } from "../../evaluation/significance.ts";
import { counted } from "../../text.ts";

/** A tested run. */
export interface TestedOnce {
  /** Names the run. */
  readonly run: string;
  readonly recipe: string;
  readonly seed: number | null;
  /** Equal for runs that differ only in their seeds. */
  readonly setting: string;
  readonly epochs: number | null;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly metrics: { readonly accuracy: number };
}

/** Runs that differ only in their seeds, as one entry of the ladder. */
export interface OwnResult {
  /** The recipe's name, with a distinguishing suffix where there are several results of it. */
  readonly name: string;
  readonly origin: { readonly kind: "trained"; readonly runs: readonly string[] };
  readonly accuracy: Spread;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly epochs: number | null;
}

/**
 * Groups runs that differ only in their seeds, for the ladder. Several results of one recipe are distinguished in their
 * names: by their epochs, or else by the first run.
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
