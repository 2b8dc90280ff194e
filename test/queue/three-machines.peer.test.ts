/**
 * The commands of docs/queue.md for three machines, each with a network namespace, folders and a cache of its own (`npm run
 * test:queue-machines`): the store on the first, a worker on the second and the third, and the command on the third. The second is
 * then cut off from the network for longer than its lock. Needs root, Linux and `ip`.
 */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { BIN, type Started, start, tailorJson } from "../cli/support/tailor.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { needRedis } from "./support/servers.ts";
import { type TinyResult, tinyRuns, weightsOf } from "./support/tiny-runs.ts";

const IS_WANTED = process.env.QUEUE_MACHINES === "1";
const FOLDER = sharedFolder();
const SWITCH = `tailor-${process.pid}`;
const PASSWORD = "three-machines";
/** Of these runs many epochs are left when the second machine is cut off. */
const SIZE = { runs: 4, threads: 1, epochs: 40 };
/** Seconds without a sign of life after which the worker that is cut off loses its run. */
const LOCK = 5;

const ip = (...args: string[]): SpawnSyncReturns<string> => spawnSync("ip", args, { encoding: "utf8" });
const mustIp = (...args: string[]) => {
  const { status, stderr } = ip(...args);
  expect(status, `ip ${args.join(" ")}: ${stderr}`).toBe(0);
};

/** What is to be undone, in the order in which it was done. */
const undo: (() => unknown)[] = [];
afterAll(async () => {
  for (const step of undo.toReversed()) await step();
});

/** A namespace with an address on the common network, and folders of its own. */
function machine(number: number, data: string) {
  const name = `${SWITCH}-${number}`;
  const address = `10.77.0.${number}`;
  const port = `port${number}`;
  mustIp("netns", "add", name);
  undo.push(() => ip("netns", "delete", name));
  mustIp("-n", SWITCH, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name);
  mustIp("-n", SWITCH, "link", "set", port, "master", "bridge", "up");
  mustIp("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
  for (const device of ["lo", "eth0"]) mustIp("-n", name, "link", "set", device, "up");
  const home = join(FOLDER, `machine-${number}`);
  mkdirSync(join(home, "tmp"), { recursive: true });
  cpSync(data, join(home, "my-images"), { recursive: true });
  const env = { HOME: home, XDG_CACHE_HOME: join(home, "cache"), TMPDIR: join(home, "tmp") };
  return {
    address,
    home,
    tailor: (args: readonly string[]): Started =>
      start("ip", ["netns", "exec", name, process.execPath, BIN, ...args], { cwd: home, env }),
    run: (program: string, args: readonly string[]) =>
      spawn("ip", ["netns", "exec", name, program, ...args], { cwd: home, stdio: "ignore" }),
    connect: (isConnected: boolean) => mustIp("-n", SWITCH, "link", "set", port, isConnected ? "up" : "down"),
  };
}

async function end(worker: Started): Promise<void> {
  worker.child.kill("SIGINT");
  expect(await worker.ended).toMatchObject({ code: 0 });
}

test.skipIf(!IS_WANTED)(
  "three machines share the runs, and one that is cut off loses its run to another, with the weights of one machine",
  async (context) => {
    needRedis(context);
    if (process.getuid?.() !== 0 || ip("netns", "add", SWITCH).status !== 0) {
      return context.skip("needs root, and `ip` that may add network namespaces");
    }
    undo.push(() => ip("netns", "delete", SWITCH));
    mustIp("-n", SWITCH, "link", "add", "bridge", "type", "bridge");
    mustIp("-n", SWITCH, "link", "set", "bridge", "up");
    const data = await smallDataFolder({ train: 200, test: 60, isHalved: true });
    const [first, second, third] = [machine(1, data), machine(2, data), machine(3, data)] as const;
    const url = `redis://:${PASSWORD}@${first.address}:6379`;
    const redis = first.run("redis-server", ["--appendonly", "yes", "--requirepass", PASSWORD, "--bind", "0.0.0.0"]);
    const closed = new Promise((resolve) => redis.once("close", resolve));
    undo.push(() => {
      redis.kill();
      return closed;
    });

    const worker = ["worker", url, "--threads", "1", "--lock", `${LOCK}`, "--store-every", "0", "--data", "my-images"];
    const cutOff = second.tailor(worker);
    await cutOff.hasSaid("waiting for runs");
    const command = tinyRuns({ data: "my-images", ...SIZE });
    const producer = third.tailor([...command, "--out", "runs", "--queue", url]);
    await producer.hasSaid(/s1: epoch +3\//);
    second.connect(false);
    const other = third.tailor(worker);
    await producer.hasSaid(/s1: goes on after \d+ epochs? on /);
    await sleep(1000 * LOCK);
    second.connect(true);
    const { code, stdout, stderr } = await producer.ended;
    expect(code, stderr).toBe(0);
    await end(cutOff);
    await end(other);

    const alone = await tailorJson<TinyResult>(
      [...tinyRuns({ data, ...SIZE }), "--out", join(FOLDER, "here")].filter((arg) => arg !== "--json"),
    );
    expect(weightsOf(JSON.parse(stdout))).toEqual(weightsOf(alone));
  },
);
