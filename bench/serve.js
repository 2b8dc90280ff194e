/**
 * Measures requests per second, latency and memory of `tailor serve` under load: predictions of raw pixels, each
 * request with another test image, over keep-alive connections.
 *
 *   node bench/serve.js --run RUN [--connections N] [--requests N] [--threads N] [--json FILE]
 *
 * Server and load share this machine's cores. Every response must have status 200, or the benchmark fails.
 */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { urlOf } from "./server-url.js";

const BIN = fileURLToPath(new URL("../bin/tailor.js", import.meta.url));
/** Number of different images, sent in turn. */
const IMAGES = 500;
/** Number of requests before the measurement, in which code is compiled and buffers are allocated. */
const WARM_UP = 5000;
const MEMORY_EVERY_MS = 500;

const { values: options } = parseArgs({
  options: {
    run: { type: "string" },
    connections: { type: "string", default: "32" },
    requests: { type: "string", default: "100000" },
    threads: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
if (!options.run) {
  console.error("name the run to serve: node bench/serve.js --run RUN");
  process.exit(2);
}

const server = spawn(
  process.execPath,
  [BIN, "serve", options.run, "--port", "0", "--threads", options.threads, "--json"],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
try {
  const result = await measure(await urlOf(server));
  console.log(JSON.stringify(result, null, 2));
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  if (result.failed > 0) process.exitCode = 1;
} finally {
  server.kill("SIGTERM");
}

async function measure(url) {
  const sample = await (await fetch(`${url}/api/test-images?count=${IMAGES}`)).json();
  const requests = sample.images.map(({ pixels }) => ({
    method: "POST",
    path: "/api/predict",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ pixels }),
  }));
  const connections = Number(options.connections);
  const fire = (amount) => autocannon({ url, connections, amount, requests });
  await fire(WARM_UP);
  const before = residentMegabytes();
  const memory = [];
  const watching = setInterval(() => memory.push(residentMegabytes()), MEMORY_EVERY_MS);
  const { latency, duration, errors, non2xx, ...counts } = await fire(Number(options.requests));
  clearInterval(watching);
  const answered = counts["2xx"];
  return {
    requests: answered,
    failed: errors + non2xx,
    connections,
    threads: Number(options.threads),
    seconds: duration,
    requestsPerSecond: Math.round(answered / duration),
    milliseconds: { median: latency.p50, p90: latency.p90, p99: latency.p99, max: latency.max },
    memoryMegabytes: {
      before,
      most: Math.max(before, ...memory),
      after: residentMegabytes(),
      alongTheWay: tenOf(memory),
    },
  };
}

/** Ten evenly spaced values from the first to the last, to see whether they grow. */
function tenOf(values) {
  if (values.length <= 10) return values;
  return Array.from({ length: 10 }, (_, i) => values[Math.round((i / 9) * (values.length - 1))]);
}

function residentMegabytes() {
  return Math.round(Number(execFileSync("ps", ["-o", "rss=", "-p", String(server.pid)], { encoding: "utf8" })) / 1024);
}
