import { percent } from "../../src/text.ts";

interface ProbabilitiesProps {
  /** 0 to 1, by class index. */
  readonly values: ArrayLike<number>;
  readonly classNames: readonly string[];
  /** The image's class, if known. */
  readonly truth?: number | undefined;
  /** Probability below which no class is likely enough for an answer; 0: every image gets one. */
  readonly unknownBelow: number;
}

/** Maximum number of classes that are listed. */
const MAX_SHOWN = 20;

/** Predicted probabilities, highest first; above them that the image is unknown, where its label is. */
export function Probabilities({ values, classNames, truth, unknownBelow }: ProbabilitiesProps) {
  const order = classNames.map((_, label) => label).sort((a, b) => values[b]! - values[a]!);
  // Of many classes those that matter, and the image's own one.
  const shown = order.length <= MAX_SHOWN ? order : order.filter((label, i) => i < MAX_SHOWN || label === truth);
  const isUnknown = truth === undefined && values[order[0]!]! < unknownBelow;
  return (
    <ol className="probabilities">
      {isUnknown && (
        <li className="unknown">
          unknown: no class reaches {percent(unknownBelow, 1)}, which 95 % of the validation images did
        </li>
      )}
      {shown.map((label, place) => (
        <li key={label} className={look(label, place, truth)}>
          <span className="name">
            {classNames[label]}
            {label === truth && <span className="tag">its label</span>}
          </span>
          <span className="bar" aria-hidden="true">
            <span style={{ width: `${100 * values[label]!}%` }} />
          </span>
          <span className="value">{percent(values[label]!, 1)}</span>
        </li>
      ))}
    </ol>
  );
}

/** CSS class: the prediction is right or wrong if the truth is known. */
function look(label: number, place: number, truth: number | undefined): string {
  if (place > 0) return "";
  return truth === undefined || truth === label ? "first" : "first wrong";
}
