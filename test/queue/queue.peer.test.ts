/** Experiments on a queue: the results of one machine, whatever happens to workers, producer and store. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { QueueStatus } from "../../src/queue/manage.ts";
import { base } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { parseRaceResult } from "../../src/report/race.ts";
import { readMetrics, readRunRecord } from "../../src/runs/node/run-files.ts";
import { refusalOf, type Started, startTailor, tailor, tailorJson } from "../cli/support/tailor.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { needRedis, type Server, startRedis, startTlsRedis, stopServers } from "./support/servers.ts";

const DATA = await smallDataFolder({ train: 240, test: 60, isHalved: true });
const OTHER_DATA = await smallDataFolder({ train: 120, test: 60, isHalved: true });
/** A race's images have the size of Fashion-MNIST's. */
const WHOLE_DATA = await smallDataFolder({ train: 300, test: 20 });
const FOLDER = sharedFolder();
const at = (name: string) => join(FOLDER, name);

/** Twelve steps an epoch: long enough to be disturbed. */
const EPOCHS = 6;
const RUN = ["--epochs", `${EPOCHS}`, "--batch-size", "20", "--data", DATA, "--threads", "1"];
const SEEDS = ["train", "base", "--seeds", "3", ...RUN, "--skip-report"];

/** States of runs that take seconds. */
const AT_ONCE = ["--store-every", "0"];

interface Seeds {
  readonly runs: readonly { readonly run: string; readonly weightsSha256: string; readonly accuracy: number }[];
  readonly accuracy: { readonly mean: number };
}

/**
 * Starts a worker that has read its data.
 *
 * @param lock seconds: few where another worker shall take its run over, else so many that a busy machine does not matter
 */
async function startedWorker(
  store: Server,
  { lock = 60, args = ["--data", DATA] }: { lock?: number; args?: readonly string[] } = {},
): Promise<Started> {
  const worker = startTailor(["worker", store.url, "--threads", "1", "--lock", `${lock}`, ...AT_ONCE, ...args]);
  await worker.hasSaid("waiting for runs");
  return worker;
}

async function stop(worker: Started): Promise<void> {
  worker.child.kill("SIGINT");
  expect(await worker.ended).toMatchObject({ code: 0 });
}

function weightsOf(result: Seeds): string[] {
  return result.runs.map(({ weightsSha256 }) => weightsSha256);
}

const produce = (store: Server, out: string) =>
  startTailor([...SEEDS, "--out", at(out), "--queue", store.url, "--json"]);

async function producedBy(producer: Started): Promise<Seeds> {
  const { code, stdout, stderr } = await producer.ended;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Seeds;
}

const statusOf = (store: Server) => tailorJson<QueueStatus>(["queue", "status", store.url]);

afterAll(stopServers);
beforeEach(needRedis);

describe("train --seeds 3 --queue", () => {
  let here: Seeds;
  let store: Server;
  beforeAll(async () => {
    const { stdout } = await tailor([...SEEDS, "--out", at("here"), "--json"]);
    here = JSON.parse(stdout) as Seeds;
    store = await startRedis();
  });

  test("with two workers gives the result of one machine, and leaves nothing in the store", async () => {
    const workers = [await startedWorker(store), await startedWorker(store)];
    const producer = produce(store, "queued");
    const result = await producedBy(producer);
    expect({ accuracy: result.accuracy, weights: weightsOf(result) }).toEqual({
      accuracy: here.accuracy,
      weights: weightsOf(here),
    });
    const { stderr } = producer.said();
    expect(stderr).toContain(`3 runs in the queue at ${store.url}, 2 workers`);
    expect(stderr.match(/s[123]: started on /g)).toHaveLength(3);
    expect(stderr.match(/s[123]: epoch \d\/6 \|/g)).toHaveLength(3 * EPOCHS);
    for (const run of ["s1", "s2", "s3"]) {
      expect(readdirSync(at(`queued/${run}`)).sort()).toEqual(readdirSync(at(`here/${run}`)).sort());
      const [one, other] = [readRunRecord(at(`queued/${run}`)), readRunRecord(at(`here/${run}`))];
      expect(one.recipe).toEqual(other.recipe);
      expect(one.data).toEqual(other.data);
      const losses = (path: string) => readMetrics(path).map(({ trainLoss }) => trainLoss);
      expect(losses(at(`queued/${run}`))).toEqual(losses(at(`here/${run}`)));
    }
    expect(await statusOf(store)).toMatchObject({ workers: 2, waiting: 0, active: 0, finished: 0, setAside: 0 });
    for (const worker of workers) await stop(worker);
    const client = new Redis(store.url);
    expect(await client.keys("tailor-files:*")).toEqual([]);
    client.disconnect();
  });

  test("a worker that is killed in the middle of a run is replaced by another, which goes on to the same weights", async () => {
    const killed = await startedWorker(store, { lock: 2 });
    const producer = produce(store, "killed");
    await producer.hasSaid(/s1: epoch 3\/6/);
    killed.child.kill("SIGKILL");
    const other = await startedWorker(store);
    expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(here));
    expect(producer.said().stderr).toMatch(/s1: goes on after [1-5] epochs? on /);
    await stop(other);
  });

  test("a worker that is interrupted saves its run's state and gives it back at once", async () => {
    const first = await startedWorker(store, { lock: 3600 });
    const producer = produce(store, "given-back");
    await producer.hasSaid(/s1: epoch 1\/6/);
    await stop(first);
    expect(first.said().stderr).toContain("base, seed 1");
    const other = await startedWorker(store);
    expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(here));
    expect(producer.said().stderr).toMatch(/s1: goes on after \d epochs? on /);
    await stop(other);
  });

  test("a producer that is interrupted leaves its runs to the workers, and the same command fetches them", async () => {
    const producer = produce(store, "interrupted");
    await producer.hasSaid("and no worker");
    producer.child.kill("SIGINT");
    const { code, stderr } = await producer.ended;
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringContaining("3 runs stay in the queue") });
    expect(stderr).toContain("to resume");
    const worker = await startedWorker(store);
    while ((await statusOf(store)).finished < 3);
    await stop(worker);
    const again = produce(store, "interrupted");
    expect(weightsOf(await producedBy(again))).toEqual(weightsOf(here));
    expect(again.said().stderr).not.toContain("started on");
  });

  test.runIf(IS_THOROUGH)("a producer that is killed loses nothing", async () => {
    const worker = await startedWorker(store);
    const producer = produce(store, "producer-killed");
    await producer.hasSaid(/s1: epoch 6\/6/);
    producer.child.kill("SIGKILL");
    await producer.ended;
    expect(weightsOf(await producedBy(produce(store, "producer-killed")))).toEqual(weightsOf(here));
    await stop(worker);
  });

  test.runIf(IS_THOROUGH)("a store that is killed and started again goes on with what is on its disk", async () => {
    const own = await startRedis();
    const worker = await startedWorker(own);
    const producer = produce(own, "store-killed");
    await producer.hasSaid(/s1: epoch 2\/6/);
    await own.kill();
    await own.restart();
    expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(here));
    await stop(worker);
  });

  test.runIf(IS_THOROUGH)(
    "a worker that slept for longer than its lock does not disturb the one that has its run",
    async () => {
      const asleep = await startedWorker(store, { lock: 2 });
      const producer = produce(store, "asleep");
      await producer.hasSaid(/s1: epoch 2\/6/);
      asleep.child.kill("SIGSTOP");
      const other = await startedWorker(store);
      await other.hasSaid(/seed \d .*: (goes on|started)/);
      asleep.child.kill("SIGCONT");
      expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(here));
      expect(await statusOf(store)).toMatchObject({ waiting: 0, finished: 0, setAside: 0 });
      await stop(asleep);
      await stop(other);
    },
  );

  test("a worker without the data leaves the runs to others, and says so once a run", async () => {
    const foreign = await startedWorker(store, { args: ["--data", OTHER_DATA] });
    const producer = produce(store, "foreign");
    await foreign.hasSaid(/base, seed 1 .*: left to other workers: its data are not here: train-images-idx3-ubyte/);
    const fitting = await startedWorker(store);
    expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(here));
    await stop(foreign);
    await stop(fitting);
    expect(foreign.said().stderr.match(/seed 1 .*: left to other workers/g)).toHaveLength(1);
  });

  test("a job that was tampered with is tried three times and set aside; the same command puts it right", async () => {
    const producer = produce(store, "tampered");
    await producer.hasSaid("and no worker");
    const client = new Redis(store.url);
    for (const key of (await client.keys("bull:tailor-runs:run-*")).filter((name) => !name.endsWith(":logs"))) {
      const job = JSON.parse((await client.hget(key, "data"))!);
      if (job.seed === 2)
        await client.hset(key, "data", JSON.stringify({ ...job, recipe: { ...job.recipe, epochs: 900 } }));
    }
    client.disconnect();
    const worker = await startedWorker(store);
    const { code, stderr } = await producer.ended;
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("1 run failed 3 times and is set aside");
    expect(stderr).toContain("it was changed after it was put into the queue");
    expect(existsSync(at("tampered/s2"))).toBe(false);
    expect(await statusOf(store)).toMatchObject({ setAside: 1, waiting: 0, finished: 0 });
    expect(weightsOf(await producedBy(produce(store, "tampered")))).toEqual(weightsOf(here));
    await stop(worker);
  });

  test("a network of one's own is trained where the worker has its file, and nowhere else", async () => {
    const file = at("own.mjs");
    const network = (units: number) => `
      import { flatten, linear } from "@tailor-ml/tailor";
      export default {
        name: "own", description: "a test's", epochs: 1, batchSize: 20, learningRate: 1e-3,
        model: { name: "own", layers: ({ classes }) => [flatten(), linear(${units}), linear(classes)] },
        schedule: { kind: "constant" }, optimizer: { kind: "adam" }, labelSmoothing: 0, augmentation: {},
      };`;
    writeFileSync(file, network(8));
    const other = at("other.mjs");
    writeFileSync(other, network(9));
    const own = ["train", file, "--seeds", "1", "--data", DATA, "--skip-report", "--out", at("own")];
    const producer = startTailor([...own, "--queue", store.url, "--json"]);
    const without = await startedWorker(store, { args: ["--data", DATA, "--recipe", other] });
    await without.hasSaid(/own, seed 1 .*: left to other workers: its network "own" is not here/);
    const having = await startedWorker(store, { args: ["--data", DATA, "--recipe", file] });
    await producedBy(producer);
    expect(readRunRecord(at("own/s1"))).toMatchObject({ status: "finished", recipeFile: file });
    await stop(without);
    await stop(having);
  });

  test("a run that starts from weights is trained where their file is, and resumed where it lies elsewhere", async () => {
    const [one, other] = [at("one.safetensors"), at("other.safetensors")];
    for (const copy of [one, other]) copyFileSync(at("here/s1/weights.safetensors"), copy);
    const tuned = ["train", "base", "--seeds", "1", ...RUN, "--weights", at("here/s1"), "--head-epochs", "1"];
    const command = [...tuned, "--skip-report", "--json"];
    const alone = JSON.parse((await tailor([...command, "--out", at("tuned-here")])).stdout) as Seeds;
    const producer = startTailor([...command, "--out", at("tuned"), "--queue", store.url]);
    const without = await startedWorker(store);
    await without.hasSaid(/left to other workers: it starts from a file that is not here \(SHA-256 [0-9a-f]{64}\)/);
    await stop(without);
    const first = await startedWorker(store, { args: ["--data", DATA, "--weights", one] });
    await producer.hasSaid(/s1: epoch 2\/6/);
    await stop(first);
    const second = await startedWorker(store, { args: ["--data", DATA, "--weights", other] });
    expect(weightsOf(await producedBy(producer))).toEqual(weightsOf(alone));
    expect(producer.said().stderr).toMatch(/s1: goes on after [1-5] epochs? on /);
    const { recipe } = readRunRecord(at("tuned/s1"));
    expect(recipe).toEqual(readRunRecord(at("tuned-here/s1")).recipe);
    await stop(second);
  });

  test("folds on a backbone are trained with the worker's own file", async () => {
    const copy = at("backbone.onnx");
    copyFileSync(at("here/s1/model.onnx"), copy);
    const folds = ["train", "transfer", "--folds", "2", "--backbone", at("here/s1/model.onnx"), ...RUN];
    const command = [...folds, "--skip-report", "--json"];
    const alone = JSON.parse((await tailor([...command, "--out", at("folds-here")])).stdout) as Seeds;
    const worker = await startedWorker(store, { args: ["--data", DATA, "--backbone", copy] });
    const queued = startTailor([...command, "--out", at("folds"), "--queue", store.url]);
    expect(weightsOf(await producedBy(queued))).toEqual(weightsOf(alone));
    await stop(worker);
  });

  test("a race's runs have the unit of the worker that trained them", async () => {
    const recipe = at("quick.json");
    writeFileSync(recipe, JSON.stringify({ ...recipeToJson(base), name: "quick", epochs: 1 }));
    const worker = await startedWorker(store, { args: ["--data", WHOLE_DATA] });
    const race = ["race", "92.68", "--recipe", recipe, "--seeds", "2", "--data", WHOLE_DATA, "--threads", "1"];
    const { code, stderr } = await startTailor([...race, "--out", at("race"), "--queue", store.url]).ended;
    expect(code, stderr).toBe(0);
    const { runs } = parseRaceResult(readFileSync(at("race/race.json"), "utf8"), "race.json");
    const units = runs.map(({ record }) => record.baseEpochs);
    expect(units).toEqual([1, 2].map(() => [{ from: 0, seconds: expect.any(Number) }]));
    expect(new Set(units.map((unit) => unit?.[0]?.seconds)).size).toBe(2);
    await stop(worker);
  });

  test("pause, resume and drain", async () => {
    const worker = await startedWorker(store);
    expect(await tailorJson<QueueStatus>(["queue", "pause", store.url])).toMatchObject({ isPaused: true, workers: 1 });
    const producer = produce(store, "paused");
    await producer.hasSaid("3 runs in the queue");
    expect(await statusOf(store)).toMatchObject({ isPaused: true, waiting: 3, active: 0 });
    expect((await tailor(["queue", "status", store.url])).stdout).toContain(
      "1 worker, paused\n3 waiting, 0 in training",
    );
    producer.child.kill("SIGINT");
    await producer.ended;
    expect(await tailorJson<QueueStatus>(["queue", "drain", store.url])).toMatchObject({
      waiting: 0,
      active: 0,
      finished: 0,
    });
    expect(await tailorJson<QueueStatus>(["queue", "resume", store.url])).toMatchObject({ isPaused: false });
    expect(weightsOf(await producedBy(produce(store, "paused")))).toEqual(weightsOf(here));
    await stop(worker);
  });
});

test.runIf(IS_THOROUGH)("a sweep's diverged run is no failure, and its candidate is ranked last", async () => {
  const store = await startRedis();
  const worker = await startedWorker(store);
  const sweep = ["sweep", "base", "--over", "learningRate=1e-3,1e30", "--epochs", "1", "--seeds", "2", "--data", DATA];
  const result = startTailor([...sweep, "--out", at("sweep"), "--queue", store.url, "--json"]);
  const { code, stdout, stderr } = await result.ended;
  expect(code, stderr).toBe(0);
  const accuracies = JSON.parse(stdout).candidates.map(({ accuracy }: { accuracy: unknown }) => accuracy);
  expect(accuracies).toEqual([expect.objectContaining({ n: 2 }), null]);
  expect(stderr).toMatch(/diverged/);
  await stop(worker);
});

describe("a store that cannot be used", () => {
  const queue = (url: string) => tailor(["queue", "status", url]);

  test("an address that is none is refused without being repeated, as it may hold a password", async () => {
    for (const url of ["nonsense:secret", "http://user:secret@host", "redis://", "secret"]) {
      const message = refusalOf(await queue(url), 2);
      expect(message).toMatch(/^the queue's address .*; write redis:\/\//);
      expect(message).not.toContain("secret");
    }
  });

  test("one that nothing listens at", async () => {
    const store = await startRedis();
    await store.kill();
    for (const url of [store.url, store.url.replace("redis:", "postgres:")]) {
      expect(refusalOf(await queue(url), 1)).toContain(`${url} refuses connections: nothing listens there`);
    }
    expect(refusalOf(await tailor([...SEEDS, "--out", at("refused"), "--queue", store.url]), 1)).toContain(
      "refuses connections",
    );
  });

  test("one that wants another password, which is not printed", async () => {
    const store = await startRedis({ password: "right-one" });
    expect(await statusOf(store)).toMatchObject({ waiting: 0 });
    for (const url of [store.url.replace("right-one", "wrong-one"), store.url.replace(":right-one@", "")]) {
      const { stdout, stderr, code } = await queue(url);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^error: redis:\/\/127.0.0.1:\d+ refuses the user or password/);
      expect(stderr).not.toMatch(/right-one|wrong-one/);
    }
  });

  test("one over TLS is used if its certificate is trusted, and else refused", async () => {
    const { url, certificate } = await startTlsRedis();
    const env = { NODE_EXTRA_CA_CERTS: certificate };
    expect(await tailorJson<QueueStatus>(["queue", "status", url], { env })).toMatchObject({ waiting: 0 });
    expect(refusalOf(await queue(url), 1)).toMatch(/^rediss:\/\/localhost:\d+ cannot be used: .*certificate/);
  });

  // The tries take a minute.
  test.runIf(IS_THOROUGH)(
    "one that goes away for good ends the command and the worker, and says how to go on",
    async () => {
      const store = await startRedis();
      const worker = await startedWorker(store);
      const producer = produce(store, "gone");
      await producer.hasSaid(/s1: epoch 1\/6/);
      await store.kill();
      for (const { code, stderr } of [await producer.ended, await worker.ended]) {
        expect(code, stderr).toBe(1);
        expect(stderr).toMatch(/error: the connection to redis.* was lost, .* run the same command to go on/);
      }
      await store.restart();
      const other = await startedWorker(store);
      expect((await producedBy(produce(store, "gone"))).runs).toHaveLength(3);
      await stop(other);
    },
  );

  test("a queue for one run, for the race's board, or beside --shard is refused", async () => {
    const url = "redis://127.0.0.1:1";
    expect(refusalOf(await tailor(["train", "base", "--queue", url]), 2)).toContain("--seeds or --folds");
    expect(refusalOf(await tailor(["race", "--queue", url]), 2)).toMatch(/race to a target/);
    expect(refusalOf(await tailor([...SEEDS, "--queue", url, "--shard", "1/2", "--out", at("both")]), 2)).toContain(
      "leave one out",
    );
    expect(refusalOf(await tailor(["queue", "stop", url]), 2)).toContain("status, pause, resume, drain");
  });
});
