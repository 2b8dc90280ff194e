import { useEffect, useMemo } from "react";
import { confusionFigure } from "../../../src/plots/confusion.ts";
import type { RunEvaluation } from "../../../src/server/api-types.ts";
import { count, percent } from "../../../src/text.ts";
import { runPath } from "../../api/client.ts";
import { useJson } from "../../api/use-resource.ts";
import { Figure } from "../../components/figure.tsx";
import { Wait } from "../../components/notices.tsx";
import { Mistakes } from "./mistakes.tsx";

interface EvaluationProps {
  readonly id: string;
  /** Called with the accuracy, which the run may not have had before. */
  readonly onTested: (accuracy: number) => void;
}

/** Evaluation of a run on the test images. */
export function Evaluation({ id, onTested }: EvaluationProps) {
  const [evaluation, reload] = useJson<RunEvaluation>(runPath(id, "/evaluation"));
  useEffect(() => {
    if (evaluation.state === "ready") onTested(evaluation.value.accuracy);
  }, [evaluation, onTested]);
  return (
    <section aria-labelledby="evaluation">
      <h2 id="evaluation">On the test images</h2>
      <Wait of={evaluation} words="Evaluating on the test set…" onRetry={reload}>
        {(found) => (
          <>
            <p className="lead">
              <strong>{percent(found.accuracy)}</strong> right: {count(found.correct)} of {count(found.total)} images,
              standard error {percent(found.standardError)}.
            </p>
            <ConfusionAndClasses evaluation={found} />
            <Mistakes id={id} evaluation={found} />
          </>
        )}
      </Wait>
    </section>
  );
}

function ConfusionAndClasses({ evaluation }: { evaluation: RunEvaluation }) {
  const { run, classes, confusion, perClass } = evaluation;
  const table = useMemo(
    () => ({ title: `${run}: confusion matrix, test set`, classNames: classes, confusion }),
    [run, classes, confusion],
  );
  return (
    <div className="pair wide-first">
      <Figure draw={confusionFigure} input={table} caption="Blue: right. Orange: mistaken." />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className="table" tabIndex={0}>
        <table>
          <caption>By class</caption>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col">precision</th>
              <th scope="col">recall</th>
              <th scope="col">F1</th>
              <th scope="col">images</th>
            </tr>
          </thead>
          <tbody>
            {perClass.map(({ label, precision, recall, f1, support }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{percent(precision, 1)}</td>
                <td>{percent(recall, 1)}</td>
                <td>{percent(f1, 1)}</td>
                <td>{count(support)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p className="note">
          Precision: of the images predicted as this class, the share that belongs to it. Recall: of the images that
          belong to it, the share predicted as it.
        </p>
      </div>
    </div>
  );
}
