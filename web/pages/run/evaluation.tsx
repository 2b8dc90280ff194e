import { useEffect, useMemo } from "react";
import { mostConfusedPairs } from "../../../src/evaluation/predictions.ts";
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

/** With more classes a matrix and a table of all are too large to be read beside each other. */
const MANY_CLASSES = 20;
const SHOWN = { pairs: 10, classes: 10 } as const;

function ConfusionAndClasses({ evaluation }: { evaluation: RunEvaluation }) {
  const { run, classes, confusion, perClass } = evaluation;
  const table = useMemo(
    () => ({ title: `${run}: confusion matrix, test set`, classNames: classes, confusion }),
    [run, classes, confusion],
  );
  const figure = <Figure draw={confusionFigure} input={table} caption="Blue: right. Orange: mistaken." />;
  if (classes.length <= MANY_CLASSES) {
    return (
      <div className="pair wide-first">
        {figure}
        <ClassTable caption="By class" classes={perClass} />
      </div>
    );
  }
  const worst = perClass.toSorted((a, b) => a.f1 - b.f1).slice(0, SHOWN.classes);
  return (
    <>
      <div className="pair">
        <PairsTable evaluation={evaluation} />
        <ClassTable caption={`The ${worst.length} classes with the lowest F1`} classes={worst} />
      </div>
      <details>
        <summary>All {classes.length} classes</summary>
        <ClassTable caption="By class" classes={perClass} />
      </details>
      <details>
        <summary>Confusion matrix of all {classes.length} classes</summary>
        {figure}
      </details>
    </>
  );
}

/** The classes that are most often taken for each other. */
function PairsTable({ evaluation: { classes, confusion } }: { evaluation: RunEvaluation }) {
  const pairs = mostConfusedPairs(confusion, { count: SHOWN.pairs });
  if (pairs.length === 0) return <p>No class was taken for another.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="table" tabIndex={0}>
      <table>
        <caption>Most confused</caption>
        <thead>
          <tr>
            <th scope="col">classes</th>
            <th scope="col">first as second</th>
            <th scope="col">second as first</th>
          </tr>
        </thead>
        <tbody>
          {pairs.map(({ a, b, aAsB, bAsA }) => (
            <tr key={`${a} ${b}`}>
              <th scope="row">
                {classes[a]} / {classes[b]}
              </th>
              <td>{count(aAsB)}</td>
              <td>{count(bAsA)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ClassTable({ caption, classes }: { caption: string; classes: RunEvaluation["perClass"] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="table" tabIndex={0}>
      <table>
        <caption>{caption}</caption>
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
          {classes.map(({ label, precision, recall, f1, support }) => (
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
  );
}
