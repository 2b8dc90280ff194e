import { join } from "node:path";
import type { Hono } from "hono";
import { FASHION_MNIST_TASK } from "../../data/fashion-mnist.ts";
import { UserError, valueOrUserError } from "../../errors.ts";
import { ownResults, type TestedOnce } from "../../experiments/study/own-results.ts";
import { runCost, runOrigin } from "../../experiments/study/run-origin.ts";
import { modelFacts } from "../../nn/model-facts.ts";
import { RECIPES } from "../../recipes/index.ts";
import { transfer } from "../../recipes/transfer.ts";
import { LADDER } from "../../report/ladder/ladder.ts";
import { RUN_FILES } from "../../runs/node/run-files.ts";
import type { Ladder, RecipeSummary, ServerAnswer } from "../api-types.ts";
import type { ServerContext } from "../context.ts";
import type { ServedRun } from "../run-catalog.ts";

/** `GET /healthz`, `/api/server`, `/api/recipes` and `/api/ladder`. */
export function catalogueRoutes(
  app: Hono,
  {
    catalog,
    task,
    hasOwnData,
    backbones,
    trainer,
    queue,
    command,
  }: Pick<ServerContext, "catalog" | "task" | "hasOwnData" | "backbones" | "trainer" | "queue" | "command">,
): void {
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/api/server", (c) =>
    c.json({
      allowsTraining: trainer !== null,
      watchesQueue: queue !== null,
      command,
    } satisfies ServerAnswer),
  );

  let recipes: readonly RecipeSummary[] | undefined;
  app.get("/api/recipes", async (c) => {
    if (!recipes) {
      const images = await task();
      // Fashion-MNIST's images are too small for pretrained networks.
      const transfers = (hasOwnData ? backbones.all : []).map(({ backbone, summary }) => ({
        ...transfer(backbone),
        from: { backbone: summary.name },
      }));
      recipes = [...RECIPES.map((recipe) => ({ ...recipe, from: {} })), ...transfers].map(
        ({ name, description, model, epochs, batchSize, learningRate, from }) => {
          const { parameters, multiplyAdds } = modelFacts(model, images);
          return { name, summary: description, parameters, multiplyAdds, epochs, batchSize, learningRate, ...from };
        },
      );
    }
    return c.json({ recipes });
  });

  app.get("/api/ladder", (c) => {
    const results = ownResults(catalog.list().runs.flatMap(testedOnce));
    const ours = results.map(({ origin, ...result }) => ({ ...result, runs: origin.runs }));
    return c.json({ entries: LADDER, ours } satisfies Ladder);
  });
}

/** The run's result for the ladder, as in `tailor compare`; empty if it was tested on other data, or not yet. */
function testedOnce({ id, path, record }: ServedRun): TestedOnce[] {
  const accuracy = record.evaluations?.test?.accuracy;
  // For imported weights the test images are unknown.
  if (accuracy === undefined || record.status === "imported" || !record.data.verified) return [];
  const cost = valueOrUserError(() =>
    runCost(record, { task: FASHION_MNIST_TASK, fileName: join(path, RUN_FILES.record) }),
  );
  return cost instanceof UserError ? [] : [{ run: id, ...runOrigin(record), ...cost, metrics: { accuracy } }];
}
