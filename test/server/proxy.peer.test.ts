/** The server behind nginx and behind Caddy, configured as docs/serve.md says. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { start } from "./support/running-server.ts";
import { smallRuns } from "./support/small-runs.ts";

const { runs } = await smallRuns(["a"]);
const GUIDE = readFileSync(join(import.meta.dirname, "../../docs/serve.md"), "utf8");
/** The guide's example in a language, for the server at `url`. */
const exampleOf = (language: string, url: string) =>
  new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(GUIDE)![1]!.replace("127.0.0.1:8080", new URL(url).host);

/** Skips the test where a proxy is missing; with REQUIRE_PEERS=1 that is a failure. */
function need(name: string, version: readonly string[], context: TestContext): void {
  if (spawnSync(name, version).status === 0) return;
  expect(process.env.REQUIRE_PEERS, `the Debian package ${name} is required`).not.toBe("1");
  context.skip(`needs the Debian package ${name}`);
}

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
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log stderr; events {}
    http { access_log off; ${paths.join(" ")} server { listen 127.0.0.1:${port}; ${exampleOf("nginx", url)} } }`,
  );
  await startProxy("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], port);
  return port;
}

/** Starts Caddy with the guide's example, without HTTPS, which would need a certificate. @returns its port */
async function caddy(url: string): Promise<number> {
  const folder = temporaryFolder();
  const port = await freePort();
  const example = exampleOf("caddy", url).replace("tailor.example {", `http://:${port} {\nbind 127.0.0.1`);
  writeFileSync(join(folder, "Caddyfile"), `{\nadmin off\nauto_https off\n}\n${example}`);
  const args = ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"];
  await startProxy("caddy", args, port, { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
  return port;
}

/** Starts a proxy, which is ended after the test, and waits until it listens. */
async function startProxy(program: string, args: readonly string[], port: number, env = {}): Promise<void> {
  const child = spawn(program, args, { stdio: "ignore", env: { ...process.env, ...env } });
  onTestFinished(async () => {
    child.kill("SIGTERM"); // Killed, nginx would leave its own processes behind.
    if (child.exitCode === null) await once(child, "close");
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    await sleep(50);
  }
}

const PROXIES = [
  { name: "nginx", version: ["-v"], startFor: nginx, moved: 301 },
  { name: "caddy", version: ["version"], startFor: caddy, moved: 302 },
];

for (const { name, version, startFor, moved } of PROXIES) {
  test(`behind ${name}: page, predictions, events and refusals as without it`, async (context) => {
    need(name, version, context);
    const page = join(temporaryFolder(), "web");
    mkdirSync(page);
    writeFileSync(join(page, "index.html"), "the page");
    const server = await start({ runs, page, basePath: "/tailor", allowHost: ["tailor.example"] });
    const port = await startFor(server.url);
    const ask = (path: string, host = "tailor.example") =>
      new Promise<{ status: number; text: string }>((resolve, reject) => {
        get({ port, host: "127.0.0.1", path, headers: { host } }, async (incoming) => {
          resolve({ status: incoming.statusCode!, text: (await incoming.toArray()).join("") });
        }).on("error", reject);
      });
    expect(await ask("/tailor/")).toEqual({ status: 200, text: "the page" });
    expect((await ask("/tailor")).status).toBe(moved);
    expect(await ask("/tailor/healthz")).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect((await ask("/tailor/api/runs/a")).status).toBe(200);
    expect((await ask("/tailor/api/runs/a/events")).text).toContain('data: {"status":"finished"');
    expect((await ask("/tailor/healthz", "evil.example")).status).toBe(403);
    const body = JSON.stringify({ pixels: new Array<number>(784).fill(9) });
    const headers = { "content-type": "application/json" };
    const predicted = await fetch(`http://localhost:${port}/tailor/api/predict`, { method: "POST", body, headers });
    expect([predicted.status, await predicted.json()]).toEqual([200, expect.objectContaining({ run: "a" })]);
  });
}
