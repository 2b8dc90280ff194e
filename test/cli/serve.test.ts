import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openRun, readStateIfWhole } from "../../src/runs/node/run-files.ts";
import { runStatus } from "../../src/runs/node/run-status.ts";
import { put } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { jsonOf, postJson } from "../server/support/running-server.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { refusalOf, type Started, startTailor, tailor } from "./support/tailor.ts";

const { runs, dataFolder } = await smallRuns(["a"]);
const PIXELS = { pixels: new Array<number>(784).fill(9) };

/** A running `tailor serve` and its URL, from its first line. */
async function serving(...args: string[]): Promise<{ url: string; started: Started }> {
  const started = startTailor(["serve", "--port", "0", "--threads", "1", "--json", ...args]);
  await expect.poll(() => started.said().stdout).toContain("\n");
  const { url }: { url: string } = JSON.parse(started.said().stdout);
  return { url, started };
}

describe("tailor serve", () => {
  test("--json prints only its addresses, whatever clients do; SIGTERM shuts it down cleanly", async () => {
    const { url, started } = await serving("--runs", runs);
    expect(await jsonOf(postJson(`${url}/api/predict`, PIXELS))).toMatchObject({ run: "a" });
    await fetch(`${url}/nothing`);
    const abort = new AbortController();
    await fetch(`${url}/api/runs/a/model.onnx`, { signal: abort.signal });
    abort.abort();
    started.child.kill("SIGTERM");
    const { code, stdout } = await started.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${JSON.stringify({ url, otherUrls: [] })}\n` });
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("a request that is pending at shutdown is completed; new ones are not accepted", async () => {
    const { url, started } = await serving(join(runs, "a"));
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const body = JSON.stringify(PIXELS);
    const head = `POST /api/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 100));
    // Its body has begun to arrive once a later request was answered.
    await jsonOf(fetch(`${url}/healthz`));
    started.child.kill("SIGINT");
    await started.hasSaid(/ending/);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    socket.write(body.slice(100));
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"run":"a"/s);
    expect((await started.ended).code).toBe(0);
  });

  test.each(["SIGINT", "SIGKILL"] as const)(
    "a training that it started ends with it, its state saved: %s",
    async (signal) => {
      const folder = join(temporaryFolder(), "runs");
      const { url, started } = await serving("--runs", folder, "--data", dataFolder);
      const wish = { recipe: "base", epochs: 500 };
      const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
      const run = join(folder, id);
      await expect.poll(() => existsSync(join(run, "metrics.jsonl"))).toBe(true);
      const { pid }: { pid: number } = JSON.parse(readFileSync(join(run, "lock"), "utf8"));
      started.child.kill(signal);
      await started.ended;
      await expect.poll(() => isAlive(pid)).toBe(false);
      expect(runStatus(openRun(run))).toBe("interrupted");
      expect(readStateIfWhole(run)).not.toBeNull();
    },
  );

  test("--backbone offers pretrained networks, and says on standard error what they give", async () => {
    const folder = temporaryFolder();
    put(folder, { "a.onnx": otherNetwork(), "b.onnx": otherNetwork({ size: 32 }) });
    const [a, b] = [join(folder, "a.onnx"), join(folder, "b.onnx")];
    const { url, started } = await serving("--backbone", a, "--backbone", b, "--backbone-range", "0-1");
    expect(await jsonOf(fetch(`${url}/api/backbones`))).toMatchObject({
      backbones: [
        { name: "a", input: { height: 16, mean: [0, 0, 0] } },
        { name: "b", input: { height: 32 } },
      ],
    });
    expect(started.said().stderr).toMatch(/backbone .*a\.onnx: 8 features .* of 3x16x16 images; pixels: 0-1/);
    started.child.kill("SIGTERM");
    await started.ended;
  });

  test("refuses a port in use, a missing run, and invalid options", async () => {
    const { url, started } = await serving("--runs", runs);
    const { port } = new URL(url);
    expect(refusalOf(await tailor(["serve", "--port", port]), 2)).toMatch(
      /port \d+: it is in use; choose another with --port/,
    );
    started.child.kill("SIGTERM");
    await started.ended;
    for (const [args, expected] of [
      [["--port", "65536"], "--port must be a whole number from 0 to 65535"],
      [["--port", "http"], "--port must be a whole number"],
      [["--host", ""], "--host must name an address"],
      [["--max-body", "0"], "--max-body must be a whole number from 1 to 1024"],
      [["--max-pixels", "-1"], "--max-pixels must be a number above 0"],
      [["--max-connections", "0"], "--max-connections must be"],
      [["--timeout", "soon"], "--timeout must be"],
      [["--backbone", "no/net.onnx"], "there is no file"],
      [["--backbone-range", "0-1"], "--backbone-range is about a backbone; name its file with --backbone"],
      [[dataFolder], "is not a run folder"],
      [["no/such/run"], "there is no folder no/such/run"],
    ] as const) {
      expect(refusalOf(await tailor(["serve", ...args]), 2)).toContain(expected);
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
