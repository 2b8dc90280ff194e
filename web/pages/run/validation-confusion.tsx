import { useMemo, useState } from "react";
import { confusionFigure } from "../../../src/plots/confusion.ts";
import type { MetricsLine } from "../../../src/runs/metrics.ts";
import { percent } from "../../../src/text.ts";
import { Figure } from "../../components/figure.tsx";

interface ValidationConfusionProps {
  /** Name of the recipe. */
  readonly name: string;
  /** By class index; missing names are shown as numbers. */
  readonly classes: readonly string[];
  readonly epochs: readonly MetricsLine[];
  /** Whether it is initially open. */
  readonly isOpen: boolean;
}

/** Confusion matrix of the validation images after an epoch: the last one, unless another is selected. */
export function ValidationConfusion({ name, classes, epochs, isOpen }: ValidationConfusionProps) {
  const [wasOpen] = useState(isOpen);
  const lines = epochs.filter(hasConfusion);
  const [chosen, choose] = useState<number>();
  const at = Math.min(chosen ?? lines.length, lines.length);
  const line = lines[at - 1];
  const confusion = line?.validationConfusion;
  const epoch = line?.epoch;
  const table = useMemo(
    () =>
      confusion && {
        title: `${name}: confusion matrix, validation set, epoch ${epoch}`,
        classNames: confusion.map((_, label) => classes[label] ?? String(label)),
        confusion,
      },
    [name, classes, confusion, epoch],
  );
  if (!line || !table) return null;
  // With the last epoch selected, the figure follows the training.
  const choosePlace = (place: number) => choose(place === lines.length ? undefined : place);
  return (
    <details className="forming" open={wasOpen}>
      <summary>Confusion matrix, validation set, epoch by epoch</summary>
      <div className="row">
        <label className="slider">
          After epoch
          <input
            type="range"
            min={1}
            max={lines.length}
            value={at}
            disabled={lines.length === 1}
            aria-valuetext={`epoch ${line.epoch}`}
            onChange={({ target }) => choosePlace(Number(target.value))}
          />
        </label>
        <span>
          <strong>{line.epoch}</strong>
          {line.validationAccuracy !== null && <span className="quiet"> {percent(line.validationAccuracy)} right</span>}
        </span>
      </div>
      <Figure draw={confusionFigure} input={table} caption="Blue: right. Orange: mistaken." />
    </details>
  );
}

function hasConfusion({ validationConfusion }: MetricsLine): boolean {
  return validationConfusion !== undefined;
}
