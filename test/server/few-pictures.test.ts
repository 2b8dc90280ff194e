/** Few pictures over HTTP: a training without epochs learns its classes, however few images there are. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import type { RunEvaluation } from "../../src/server/api-types.ts";
import { putShapes } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { readEvents } from "./support/events.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";

// What data inspect prints is trained in each size of suite by the command line (test/cli/few-pictures.test.ts).
test
  .skipIf(!IS_THOROUGH)
  .each([
    [2, 20, "base", { batchSize: 8, epochs: 75 }] as const,
    [3, 30, "tiny", { batchSize: 8, epochs: 34 }] as const,
    [2, 40, "base", { batchSize: 8, epochs: 38 }] as const,
    [2, 100, "base", { batchSize: 16, epochs: 30 }] as const,
    [10, 20, "base", { batchSize: 16, epochs: 30 }] as const,
  ])("%i classes of %i reach an accuracy of 0.95 with %s", async (classes, images, recipe, fitted) => {
  const [runs, data] = [join(temporaryFolder(), "runs"), join(temporaryFolder(), "pictures")];
  await putShapes(data, { classes, images });
  const { url } = await start({ runs, data, preparation: { size: 16 }, threads: 2 });
  const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe }), 202);
  await readEvents(`${url}/api/runs/${id}/events`).all();
  expect(readRunRecord(join(runs, id))).toMatchObject({ status: "finished", ...fitted });
  const { accuracy } = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/${id}/evaluation`));
  expect(accuracy).toBeGreaterThanOrEqual(0.95);
});

test("given epochs are used; a limit may be smaller than the recipe's batch", async () => {
  const [runs, data] = [join(temporaryFolder(), "runs"), join(temporaryFolder(), "pictures")];
  await putShapes(data, { classes: 2, images: 20 });
  const { url } = await start({ runs, data, preparation: { size: 16 } });
  const wish = { recipe: "base", epochs: 2, limit: 20 };
  const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
  await readEvents(`${url}/api/runs/${id}/events`).all();
  expect(readRunRecord(join(runs, id))).toMatchObject({ status: "finished", batchSize: 8, epochs: 2, limit: 20 });
  expect(await errorOf(postJson(`${url}/api/training`, { recipe: "base", limit: 1 }))).toEqual([
    400,
    "bad_limit",
    "The limit must be from 2 to 32, got 1.",
  ]);
});
