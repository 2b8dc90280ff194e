import { useMemo } from "react";
import { costFigure } from "../../src/plots/cost.ts";
import { COSTS, ownPoint, publishedPoint, UNMARKED } from "../../src/report/cost-points.ts";
import { listText } from "../../src/report/wording.ts";
import type { Ladder } from "../../src/server/api-types.ts";
import { type Resource, useJson } from "../api/use-resource.ts";
import { type RunList, useRuns } from "../api/use-runs.ts";
import { Figure } from "../components/figure.tsx";
import { Wait } from "../components/notices.tsx";
import { LadderTable } from "./compare/ladder-table.tsx";
import { RunsTogether } from "./compare/runs-together.tsx";

/** How runs on it name their data. */
const FASHION = "Fashion-MNIST";

/** Compares runs with each other and with published results. */
export default function Compare({ wanted }: { wanted: readonly string[] | undefined }) {
  const [runs, reloadRuns] = useRuns();
  const [ladder, reloadLadder] = useJson<Ladder>("/api/ladder");
  return (
    <>
      <h1>Compare</h1>
      <section aria-labelledby="together">
        <h2 id="together">Runs beside each other</h2>
        <Wait of={runs} words="Looking for runs…" onRetry={reloadRuns}>
          {({ runs }) => <RunsTogether runs={runs} wanted={wanted} />}
        </Wait>
      </section>
      <section aria-labelledby="ladder">
        <h2 id="ladder">Published results on Fashion-MNIST, and ours</h2>
        <OtherData runs={runs} />
        <Wait of={ladder} words="Setting runs on the ladder…" onRetry={reloadLadder}>
          {(found) => (
            <>
              <CostFigures ladder={found} />
              <LadderTable ladder={found} />
            </>
          )}
        </Wait>
      </section>
    </>
  );
}

/** Which runs are not among these results, as they cannot be compared with them. */
function OtherData({ runs }: { runs: Resource<RunList> }) {
  if (runs.state !== "ready") return null;
  const names = [...new Set(runs.value.runs.flatMap(({ data }) => (data === null || data === FASHION ? [] : data)))];
  if (names.length === 0) return null;
  return (
    <p>
      All of these are accuracies on the test images of Fashion-MNIST. Runs on {listText(names)} are not among them:
      their accuracies are of other images.
    </p>
  );
}

function CostFigures({ ladder }: { ladder: Ladder }) {
  const costs = useMemo(
    () =>
      COSTS.map(({ key, words, xLabel }) => ({
        title: `Test accuracy and ${words}`,
        xLabel,
        points: [
          ...ladder.entries.flatMap((entry) => publishedPoint(entry, key)),
          ...ladder.ours.flatMap((result) => ownPoint(result, key)),
        ],
      })).filter(({ points }) => points.length > 0),
    [ladder],
  );
  return costs.map((cost) => (
    <Figure
      key={cost.title}
      draw={costFigure}
      input={cost}
      caption={`Up and to the left is better. Whiskers on ours: one standard deviation over seeds. ${UNMARKED}`}
    />
  ));
}
