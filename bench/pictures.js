/**
 * Measures how fast photos of 12 megapixels become training images of 96 pixels, and the memory that takes: by the same
 * call as `tailor train`, in a process of its own, with an empty cache and with a filled one.
 *
 *   node bench/pictures.js [--photos N] [--json FILE]
 *
 * The photos are made first: smooth gradients with noise, JPEG of quality 90 (2.4 MB each).
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";

const [WIDTH, HEIGHT] = [4000, 3000];
const SIZE = 96;
const CLASSES = 3;
/** Photos are made from this many pictures by changing their colours, as making one takes a second. */
const ORIGINALS = 4;
const NOISE = 24;
/** Files that were changed this recently are not kept in the cache, in milliseconds. */
const SETTLED_AFTER_MS = 3000;

// Each task has a process of its own, as a process's peak memory includes that of the one that started it.
const [task, ...rest] = process.argv.slice(2);
if (task === "make") process.send(await makePhotos(rest[0], Number(rest[1])));
else if (task === "load") process.send(await load(rest[0]));
else await main();

async function main() {
  const { values: options } = parseArgs({
    options: { photos: { type: "string", default: "300" }, json: { type: "string" } },
  });
  const photos = Number(options.photos);
  if (!Number.isInteger(photos) || photos < 10 * CLASSES) {
    console.error(`--photos ${options.photos}: a whole number from ${10 * CLASSES} up`);
    process.exitCode = 2;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "tailor-photos-"));
  try {
    const set = join(folder, "set");
    const megabytes = await elsewhere(["make", set, String(photos)]);
    await new Promise((resolve) => setTimeout(resolve, SETTLED_AFTER_MS));
    const environment = { TAILOR_CACHE: join(folder, "cache"), TAILOR_PICTURE_CACHE: "" };
    const first = await elsewhere(["load", set], environment);
    const second = await elsewhere(["load", set], environment);
    const result = { photos, megabytes, size: SIZE, first, second };
    console.log(JSON.stringify(result, null, 2));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns mean size of a file, in MB */
async function makePhotos(set, photos) {
  const originals = [];
  for (let i = 0; i < ORIGINALS; i++) originals.push(await original());
  for (let label = 0; label < CLASSES; label++) mkdirSync(join(set, `class ${label}`), { recursive: true });
  for (let i = 0; i < photos; i++) {
    const gains = Array.from({ length: 3 }, () => 0.8 + 0.2 * Math.random());
    await sharp(originals[i % ORIGINALS], { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .linear(gains, [0, 0, 0])
      .jpeg({ quality: 90 })
      .toFile(join(set, `class ${i % CLASSES}`, `${i}.jpg`));
  }
  const files = readdirSync(set, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return bytes / files.length / 1e6;
}

async function original() {
  const patches = Buffer.from({ length: 24 * 18 * 3 }, () => 256 * Math.random());
  const pixels = await sharp(patches, { raw: { width: 24, height: 18, channels: 3 } })
    .resize(WIDTH, HEIGHT)
    .raw()
    .toBuffer();
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = Math.min(255, Math.max(0, pixels[i] + NOISE * (2 * Math.random() - 1)));
  }
  return pixels;
}

/** @returns what a task in another process sends */
async function elsewhere(args, environment = {}) {
  const child = fork(fileURLToPath(import.meta.url), args, { env: { ...process.env, ...environment } });
  const [result] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the process that should ${args[0]} photos ended with ${code}`);
    }),
  ]);
  return result;
}

async function load(set) {
  const { loadCustomData } = await import("../build/index.js");
  const started = performance.now();
  const { train, test } = await loadCustomData(set, { size: SIZE });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage();
  return {
    seconds,
    picturesPerSecond: (train.count + test.count) / seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMemoryMb: process.resourceUsage().maxRSS / 1024,
  };
}
