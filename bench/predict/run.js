/**
 * Measures the speed of `predict`: a whole process for one image, and for a folder of many.
 *
 *   npm run bench:predict -- [--run RUN] [--images N] [--edge PIXELS] [--repeats N] [--threads N] [--profile FOLDER] [--json FILE]
 *
 * Without --run a base network is trained briefly, as speed does not depend on its weights. The images are the data
 * set's, as PNG files of 28 x 28 pixels, or enlarged with --edge. Whole processes are timed, from start to exit, as a
 * user experiences them. --profile lets Node write a CPU profile of each kind into a folder.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { loadFashionMnist } from "../../build/index.js";

const BIN = fileURLToPath(new URL("../../bin/tailor.js", import.meta.url));
/** The project's goals: seconds for one image, and images per second for a folder, on 2 cores. */
const GOALS = { coldSeconds: 0.6, imagesPerSecond: 1500 };
const WRITTEN_AT_ONCE = 64;

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    images: { type: "string", default: "10000" },
    edge: { type: "string", default: "28" },
    repeats: { type: "string", default: "5" },
    threads: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
  },
});
const [images, edge, repeats] = [count("images"), count("edge"), count("repeats")];
const threads = values.threads === undefined ? [] : ["--threads", values.threads];
const folder = mkdtempSync(join(tmpdir(), "bench-predict-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const run = values.run ?? trainBriefly();
const pictures = await writePictures(join(folder, "pictures"));
const one = [join(pictures, "0.png")];
const cold = predicted(one, "cold");
const many = predicted([pictures], "folder");
const start = Math.min(...repeated([BIN, "--version"]));
const report = {
  images,
  edge,
  repeats,
  cold: summary(cold),
  folder: summary(many),
  // The fastest of each, as other processes only ever add time.
  imagesPerSecond: images / Math.min(...many),
  imagesPerSecondAfterStart: (images - 1) / (Math.min(...many) - Math.min(...cold)),
  emptyStartSeconds: start,
  goals: GOALS,
};
process.stdout.write(
  [
    `one image, whole process:   ${told(report.cold)}; goal under ${GOALS.coldSeconds} s (tailor --version alone: ${start.toFixed(2)} s)`,
    `${images} PNGs of ${edge}x${edge}:   ${told(report.folder)}`,
    `images a second:   ${report.imagesPerSecond.toFixed(0)} with the start, ${report.imagesPerSecondAfterStart.toFixed(0)} without; goal ${GOALS.imagesPerSecond}`,
    "",
  ].join("\n"),
);
if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);

function count(name) {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`error: --${name} must be a whole number from 1 up, got "${values[name]}"\n`);
  return process.exit(2);
}

/** Seconds for predicting files or folders; writes a profile if requested. */
function predicted(words, profileName) {
  const command = [BIN, "predict", run, ...words, "--json", ...threads];
  const times = repeated(command);
  if (values.profile) {
    mkdirSync(values.profile, { recursive: true });
    timed([
      "--cpu-prof",
      "--cpu-prof-dir",
      resolve(values.profile),
      "--cpu-prof-name",
      `${profileName}.cpuprofile`,
      ...command,
    ]);
  }
  return times;
}

/** Seconds of whole processes, one after the other; the first warms the disk cache and is not counted. */
function repeated(command) {
  return Array.from({ length: repeats + 1 }, () => timed(command)).slice(1);
}

/** Seconds of a whole process. */
function timed(command) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, command, { maxBuffer: 2 ** 30, encoding: "utf8" });
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(stderr);
  return seconds;
}

function summary(times) {
  const seconds = times.toSorted((a, b) => a - b);
  return { seconds, least: seconds[0], median: seconds[Math.floor(seconds.length / 2)] };
}

function told({ least, median }) {
  return `${least.toFixed(2)} s (median ${median.toFixed(2)} s)`;
}

async function writePictures(into) {
  mkdirSync(into);
  const { test } = await loadFashionMnist();
  const size = test.height * test.width;
  const raw = { width: test.width, height: test.height, channels: 1 };
  const write = (i) => {
    const pixels = test.images.slice((i % test.count) * size, ((i % test.count) + 1) * size);
    return sharp(pixels, { raw })
      .resize(edge)
      .png()
      .toFile(join(into, `${i}.png`));
  };
  for (let first = 0; first < images; first += WRITTEN_AT_ONCE) {
    const part = Array.from({ length: Math.min(WRITTEN_AT_ONCE, images - first) }, (_, i) => write(first + i));
    await Promise.all(part);
  }
  return into;
}

function trainBriefly() {
  const out = join(folder, "run");
  execFileSync(process.execPath, [BIN, "train", "base", "--limit", "2000", "--epochs", "1", "--out", out], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return out;
}
