/** The server behind nginx, configured as docs/serve.md says. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs } = await smallRuns(["a"]);
const GUIDE = readFileSync(join(import.meta.dirname, "../../docs/serve.md"), "utf8");
const hasNginx = spawnSync("nginx", ["-v"]).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

/** Starts nginx with the guide's example for the server at `url`. @returns its port */
async function nginx(url: string): Promise<number> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "logs"));
  const example = /```nginx\n(.*?)```/s.exec(GUIDE)![1]!.replace("http://127.0.0.1:8080", new URL(url).origin);
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log stderr; events {}
    http { access_log off; ${paths.join(" ")} server { listen 127.0.0.1:${port}; ${example} } }`,
  );
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], { stdio: "ignore" });
  onTestFinished(async () => {
    child.kill("SIGTERM"); // Killed, it would leave its own processes behind.
    if (child.exitCode === null) await once(child, "close");
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  await expect.poll(answers).toBe(true);
  return port;
}

describe.skipIf(!hasNginx)("behind nginx", () => {
  test("page, predictions, events and refusals as without it", async () => {
    const page = join(temporaryFolder(), "web");
    mkdirSync(page);
    writeFileSync(join(page, "index.html"), "the page");
    const server = await start({ runs, page, basePath: "/tailor", allowHost: ["tailor.example"] });
    const port = await nginx(server.url);
    const ask = (path: string, host = "tailor.example") =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        get({ port, host: "127.0.0.1", path, headers: { host } }, async (incoming) => {
          resolve({ status: incoming.statusCode!, text: (await incoming.toArray()).join("") });
        }).on("error", reject);
      });
    expect(await ask("/tailor/")).toEqual({ status: 200, text: "the page" });
    expect((await ask("/tailor")).status).toBe(301);
    expect(await ask("/tailor/healthz")).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect((await ask("/tailor/api/runs/a")).status).toBe(200);
    expect((await ask("/tailor/api/runs/a/events")).text).toContain('data: {"status":"finished"');
    expect((await ask("/tailor/healthz", "evil.example")).status).toBe(403);
    const body = JSON.stringify({ pixels: new Array<number>(784).fill(9) });
    const headers = { "content-type": "application/json" };
    const predicted = await fetch(`http://localhost:${port}/tailor/api/predict`, { method: "POST", body, headers });
    expect([predicted.status, await predicted.json()]).toEqual([200, expect.objectContaining({ run: "a" })]);
  });
});
