import { useMemo } from "react";
import { costFigure } from "../../src/plots/cost.ts";
import { COSTS, ownPoint, publishedPoint, UNMARKED } from "../../src/report/cost-points.ts";
import type { Ladder } from "../../src/server/api-types.ts";
import { useJson } from "../api/use-resource.ts";
import { useRuns } from "../api/use-runs.ts";
import { Figure } from "../components/figure.tsx";
import { Wait } from "../components/notices.tsx";
import { LadderTable } from "./compare/ladder-table.tsx";
import { RunsTogether } from "./compare/runs-together.tsx";

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
        <h2 id="ladder">The published ladder, and ours</h2>
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
