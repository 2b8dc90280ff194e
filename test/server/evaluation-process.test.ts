/** Evaluations run in a separate process: its benefits, and its failures. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readAnyRunRecord } from "../../src/runs/node/run-files.ts";
import type { RunEvaluation } from "../../src/server/api-types.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { evaluators, stoppedEvaluator } from "./support/evaluators.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs, dataFolder } = await smallRuns(["a"]);
const PIXELS = { pixels: new Array(784).fill(1) };

/** A server on copies of the run. */
async function serve(names: readonly string[]) {
  const folder = temporaryFolder();
  for (const name of names) cpSync(join(runs, "a"), join(folder, name), { recursive: true });
  return { folder, ...(await start({ runs: folder, data: dataFolder })) };
}

describe.skipIf(process.platform !== "linux")("while a run is evaluated", () => {
  test("other requests are handled; the evaluation is returned when it is done", async () => {
    const { url } = await serve(["a"]);
    const order: string[] = [];
    const evaluation = jsonOf<RunEvaluation>(fetch(`${url}/api/runs/a/evaluation`)).then(({ total }) => {
      order.push("evaluation");
      return total;
    });
    const pid = await stoppedEvaluator();
    expect(await jsonOf(fetch(`${url}/healthz`))).toEqual({ status: "ok" });
    expect((await postJson(`${url}/api/predict`, PIXELS)).status).toBe(200);
    expect((await fetch(`${url}/api/runs`)).status).toBe(200);
    order.push("all else");
    process.kill(pid, "SIGCONT");
    expect(await evaluation).toBe(130);
    expect(order).toEqual(["all else", "evaluation"]);
    await expect.poll(evaluators).toEqual([]);
  });

  test("and its process is killed, the error is reported, and the next request evaluates it", async () => {
    const { url } = await serve(["a"]);
    const evaluation = errorOf(fetch(`${url}/api/runs/a/evaluation`));
    process.kill(await stoppedEvaluator(), "SIGKILL");
    expect(await evaluation).toEqual([
      503,
      "cannot_evaluate",
      "The run a cannot be evaluated: its process was ended by SIGKILL.",
    ]);
    expect((await fetch(`${url}/api/runs/a/evaluation`)).status).toBe(200);
  });

  test("a closing server completes it first, and rejects a queued one", async () => {
    const { folder, url, close } = await serve(["a", "b"]);
    const first = jsonOf<RunEvaluation>(fetch(`${url}/api/runs/a/evaluation`));
    const pid = await stoppedEvaluator();
    const second = errorOf(fetch(`${url}/api/runs/b/evaluation`));
    // It has come before these are answered.
    for (let i = 0; i < 5; i++) await jsonOf(fetch(`${url}/healthz`));
    const closing = close();
    process.kill(pid, "SIGCONT");
    expect((await first).run).toBe("a");
    expect(await second).toEqual([503, "unavailable", "The server is ending."]);
    await closing;
    expect(evaluators()).toEqual([]);
    expect(readAnyRunRecord(join(folder, "a")).evaluations?.test?.total).toBe(130);
  });
});
