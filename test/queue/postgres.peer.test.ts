/** A queue in Postgres: the same results as in Redis. */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { watchQueue } from "../../src/queue/watch-queue.ts";
import { refusalOf, startTailor, tailor, tailorJson } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { needPostgres, startPostgres, stopServers } from "./support/servers.ts";

const DATA = await smallDataFolder({ train: 240, test: 60, isHalved: true });
const FOLDER = sharedFolder();
const SEEDS = ["train", "base", "--seeds", "3", "--epochs", "6", "--batch-size", "20", "--data", DATA];

interface Seeds {
  readonly runs: readonly { readonly weightsSha256: string }[];
}
const weightsIn = (stdout: string) => (JSON.parse(stdout) as Seeds).runs.map(({ weightsSha256 }) => weightsSha256);

afterAll(stopServers);

test("a worker that is killed is replaced by another, which goes on to the weights of one machine; the store is then empty", async (context) => {
  needPostgres(context);
  const store = await startPostgres();
  const command = [...SEEDS, "--threads", "1", "--skip-report", "--json"];
  const startWorker = async () => {
    const worker = startTailor([
      "worker",
      store.url,
      "--threads",
      "1",
      "--lock",
      "2",
      "--store-every",
      "0",
      "--data",
      DATA,
    ]);
    await worker.hasSaid("waiting for runs");
    return worker;
  };
  const killed = await startWorker();
  const producer = startTailor([...command, "--out", join(FOLDER, "queued"), "--queue", store.url]);
  await producer.hasSaid(/s1: epoch 3\/6/);
  killed.child.kill("SIGKILL");
  const other = await startWorker();
  const { code, stdout, stderr } = await producer.ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/s1: goes on after [1-5] epochs? on /);
  expect(stderr).not.toContain("secret");
  const here = await tailor([...command, "--out", join(FOLDER, "here")]);
  expect(weightsIn(stdout)).toEqual(weightsIn(here.stdout));
  expect(await tailorJson(["queue", "status", store.url])).toMatchObject({
    workers: 1,
    waiting: 0,
    active: 0,
    finished: 0,
    setAside: 0,
  });
  const watch = await watchQueue(store.url);
  const endless = ["train", "base", "--seeds", "1", "--epochs", "10000", "--batch-size", "20", "--data", DATA];
  const stopped = startTailor([...endless, "--skip-report", "--out", join(FOLDER, "stopped"), "--queue", store.url]);
  await expect.poll(async () => (await watch.look()).runs[0]?.metrics.length).toBeGreaterThan(1);
  const [run] = (await watch.look()).runs;
  expect(await watch.stop(run!.id)).toBe(true);
  expect(await stopped.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("1 run was stopped on request"),
  });
  expect(await watch.stop(run!.id)).toBe(false);
  await watch.setPaused(true);
  expect(await watch.look()).toMatchObject({ isPaused: true, active: 0, setAsideRuns: [{ isStopped: true }] });
  await watch.close();
  other.child.kill("SIGINT");
  expect(await other.ended).toMatchObject({ code: 0 });
  const wrong = await tailor(["queue", "status", store.url.replace("secret", "hidden")]);
  expect(refusalOf(wrong, 1)).toMatch(/^postgres:\/\/127.0.0.1:\d+\/postgres refuses the user or password/);
  expect(wrong.stderr).not.toContain("hidden");
  const none = await tailor(["queue", "status", `${store.url}-none`]);
  expect(refusalOf(none, 1)).toContain("there is no such database");
});
