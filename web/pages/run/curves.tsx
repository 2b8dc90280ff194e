import { useMemo } from "react";
import { accuracyCurves, lossCurves } from "../../../src/plots/curves.ts";
import { known } from "../../../src/report/wording.ts";
import type { MetricsLine } from "../../../src/runs/metrics.ts";
import { duration, percent } from "../../../src/text.ts";
import { FittedFigure } from "../../components/figure.tsx";
import { rateText } from "../../format.ts";

interface CurvesProps {
  readonly name: string;
  readonly seed: number;
  readonly epochs: readonly MetricsLine[];
  readonly isRunning: boolean;
}

/** Accuracy and loss by epoch, as figures and as a table. */
export function Curves({ name, seed, epochs, isRunning }: CurvesProps) {
  const curves = useMemo(() => ({ model: name, runs: [{ seed, epochs }] }), [name, seed, epochs]);
  if (epochs.length === 0) {
    return isRunning ? (
      <p className="quiet">The first point of the curves comes with the end of the first epoch.</p>
    ) : null;
  }
  return (
    <section aria-labelledby="curves">
      <h2 id="curves">Training</h2>
      <div className="pair">
        <FittedFigure
          draw={accuracyCurves}
          input={curves}
          caption="Training: during the epoch, under augmentation. Validation: at its end."
        />
        <FittedFigure draw={lossCurves} input={curves} caption="Cross entropy without label smoothing." />
      </div>
      <details>
        <summary>Every epoch as a table</summary>
        <EpochTable epochs={epochs} />
      </details>
    </section>
  );
}

function EpochTable({ epochs }: { epochs: readonly MetricsLine[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">epoch</th>
            <th scope="col">training loss</th>
            <th scope="col">training accuracy</th>
            <th scope="col">validation loss</th>
            <th scope="col">validation accuracy</th>
            <th scope="col">learning rate</th>
            <th scope="col">time</th>
          </tr>
        </thead>
        <tbody>
          {epochs.map((line) => (
            <tr key={line.epoch}>
              <th scope="row">{line.epoch}</th>
              <td>{line.trainLoss.toFixed(4)}</td>
              <td>{percent(line.trainAccuracy)}</td>
              <td>{known(line.validationLoss, (loss) => loss.toFixed(4))}</td>
              <td>{known(line.validationAccuracy, percent)}</td>
              <td>{rateText(line.learningRate)}</td>
              <td>{duration(line.seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
