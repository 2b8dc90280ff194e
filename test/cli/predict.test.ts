import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { loadClassifier } from "../../src/prediction/node/load-classifier.ts";
import type { ScoredLabel } from "../../src/prediction/prediction.ts";
import { trainedRun } from "../prediction/support/trained-run.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { jsonOf, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const RUN = join(FOLDER, "run");
const PICTURES = join(FOLDER, "pictures");
const ROOT = resolve(import.meta.dirname, "../..");

interface PredictJson {
  readonly run: string;
  readonly model: string;
  readonly predictions: readonly (ScoredLabel & {
    file: string;
    isUnknown: boolean;
    top: readonly ScoredLabel[];
    milliseconds: number;
  })[];
  readonly failures: readonly { file: string; message: string }[];
}

/** In the folder: two images, hidden ones, others in a folder inside, and what is no image by its name. */
const IMAGES = ["10.png", "a.JPG", "inside/b.webp", "z.gif"].map((name) => join(PICTURES, name));

beforeAll(async () => {
  await trainedRun(RUN, { limit: 1500 });
  const { test: images } = await fashionMnist();
  mkdirSync(join(PICTURES, "inside"), { recursive: true });
  mkdirSync(join(PICTURES, ".hidden"));
  const raw = { width: 28, height: 28, channels: 1 } as const;
  const encoded = (i: number, format: "png" | "jpeg" | "webp" | "gif") =>
    sharp(images.images.read(i, i + 1), { raw })
      .resize(140)
      .negate()
      .toFormat(format)
      .toBuffer();
  for (const [i, format] of (["png", "jpeg", "webp", "gif"] as const).entries()) {
    writeFileSync(IMAGES[i]!, await encoded(i, format));
  }
  for (const name of [".hidden/c.png", ".d.png", "notes.txt"])
    writeFileSync(join(PICTURES, name), await encoded(4, "png"));
  symlinkSync(PICTURES, join(PICTURES, "inside", "loop"));
});

const ONE_THREAD = ["--threads", "1"];

describe("predict --json", () => {
  test("prints file, label, probability, top and milliseconds of each image, as the library gives them", async () => {
    const printed = await tailorJson<PredictJson>(["predict", RUN, ...IMAGES, ...ONE_THREAD]);
    expect(Object.keys(printed)).toEqual(["run", "model", "predictions", "failures"]);
    expect(printed).toMatchObject({ run: RUN, model: "base", failures: [] });
    const classifier = await loadClassifier(RUN, { threads: 1 });
    expect(printed.predictions.map(({ file }) => file)).toEqual(IMAGES);
    for (const { file, milliseconds, ...told } of printed.predictions) {
      expect(Object.keys(told)).toEqual(["label", "probability", "isUnknown", "top"]);
      expect(told.top).toHaveLength(3);
      expect(milliseconds).toBeGreaterThan(0);
      const { label, probability } = await classifier.predict(file);
      expect(told.label).toBe(label);
      expect(Math.abs(told.probability - probability)).toBeLessThan(1e-5);
      expect(told.top[0]).toEqual({ label: told.label, probability: told.probability });
    }
    await classifier.release();
  });

  test("--unknown-below says from which probability on a class is an answer", async () => {
    const ask = async (threshold: string) => {
      const options = ["--unknown-below", threshold, ...ONE_THREAD];
      return (await tailorJson<PredictJson>(["predict", RUN, ...IMAGES, ...options])).predictions;
    };
    const sure = (await ask("0")).map(({ probability }) => probability).sort();
    const threshold = sure[Math.floor(sure.length / 2)]!;
    expect((await ask("0")).every(({ isUnknown }) => !isUnknown)).toBe(true);
    for (const { isUnknown, probability } of await ask(String(threshold))) {
      expect(isUnknown).toBe(probability < threshold);
    }
    const { stdout } = await tailor(["predict", RUN, IMAGES[0]!, "--unknown-below", "0.999999", ...ONE_THREAD]);
    expect(stdout).toMatch(/ {2}unknown {2,}\S.* %, \S.* %, \S.* %\n/);
  });

  test("--top sets the number of classes, at most all", async () => {
    const { predictions } = await tailorJson<PredictJson>(["predict", RUN, IMAGES[0]!, "--top", "99", ...ONE_THREAD]);
    expect(predictions[0]!.top).toHaveLength(10);
    expect(predictions[0]!.top.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  });
});

describe("selection of images", () => {
  test("a folder is searched recursively, sorted, without hidden files and loops", async () => {
    const { predictions } = await tailorJson<PredictJson>(["predict", RUN, PICTURES, ...ONE_THREAD]);
    expect(predictions.map(({ file }) => file)).toEqual(IMAGES);
  });

  test("a given file is read whatever its name", async () => {
    const notes = join(PICTURES, "notes.txt");
    const { predictions } = await tailorJson<PredictJson>(["predict", RUN, notes, ...ONE_THREAD]);
    expect(predictions).toMatchObject([{ file: notes }]);
  });

  test("- is standard input", async () => {
    const input = readFileSync(IMAGES[0]!);
    const result = await tailor(["predict", RUN, IMAGES[1]!, "-", "--json", ...ONE_THREAD], { input });
    const { predictions } = jsonOf<PredictJson>(result);
    expect(predictions.map(({ file }) => file)).toEqual([IMAGES[1], "-"]);
    const named = await tailorJson<PredictJson>(["predict", RUN, IMAGES[0]!, ...ONE_THREAD]);
    expect(predictions[1]!.label).toBe(named.predictions[0]!.label);
    expect(refusalOf(await tailor(["predict", RUN, "-", "-", ...ONE_THREAD], { input }), 2)).toMatch(
      /- may be named once, got it 2/,
    );
  });
});

describe("an image that cannot be predicted", () => {
  test("is reported, the others are predicted, and the exit code is 1", async () => {
    const bad = join(FOLDER, "bad");
    mkdirSync(bad);
    writeFileSync(join(bad, "1-good.png"), readFileSync(IMAGES[0]!));
    writeFileSync(join(bad, "2-text.png"), "hello");
    writeFileSync(join(bad, "3-empty.jpg"), "");
    writeFileSync(join(bad, "4-cut.png"), readFileSync(IMAGES[0]!).subarray(0, 300));
    writeFileSync(join(bad, "5-drawing.png"), `<svg xmlns="http://www.w3.org/2000/svg"/>`);
    writeFileSync(join(bad, "6-good.png"), readFileSync(IMAGES[2]!));
    const none = join(FOLDER, "none.png");
    const { code, stdout, stderr } = await tailor(["predict", RUN, none, bad, "--json", ...ONE_THREAD]);
    expect(code).toBe(1);
    const { predictions, failures }: PredictJson = JSON.parse(stdout);
    expect(predictions.map(({ file }) => file)).toEqual([join(bad, "1-good.png"), join(bad, "6-good.png")]);
    expect(failures.map(({ file }) => file)).toEqual([
      none,
      ...["2-text.png", "3-empty.jpg", "4-cut.png", "5-drawing.png"].map((name) => join(bad, name)),
    ]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toEqual([...failures.map(({ message }) => `error: ${message}`), "2 predicted, 5 failed"]);
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/there is no file or folder/),
      expect.stringMatching(/is not an image/),
      expect.stringMatching(/is empty/),
      expect.stringMatching(/is damaged or cut short/),
      expect.stringMatching(/is an SVG drawing, which is refused/),
    ]);
  });

  test("alone is one line, and standard input and empty folders are named", async () => {
    const empty = join(FOLDER, "empty");
    mkdirSync(empty);
    expect(refusalOf(await tailor(["predict", RUN, empty, ...ONE_THREAD]), 1)).toMatch(
      /the folder .*empty holds no images: no file in it ends in \.png, \.jpg/,
    );
    expect(refusalOf(await tailor(["predict", RUN, "-", ...ONE_THREAD]), 1)).toBe(
      "standard input: the image is empty (0 bytes)",
    );
  });
});

describe("text output", () => {
  test("has one line per image: file, label, probability, then the others", async () => {
    const { code, stdout, stderr } = await tailor(["predict", RUN, IMAGES[0]!, IMAGES[2]!, ...ONE_THREAD]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/10\.png +\S.* +\d+\.\d % {2}\S.* \d+\.\d %, \S.* \d+\.\d %$/);
  });

  test("--show draws the model's input: characters in a file, half blocks where colours are forced", async () => {
    const plain = (await tailor(["predict", RUN, IMAGES[0]!, "--show", ...ONE_THREAD])).stdout.slice(0, -1).split("\n");
    const classifier = await loadClassifier(RUN, { threads: 1 });
    const { pixels } = await classifier.predict(IMAGES[0]!);
    await classifier.release();
    expect(plain).toHaveLength(1 + 28);
    for (let row = 0; row < 28; row++) {
      const line = Array.from(
        pixels.subarray(row * 28, row * 28 + 28),
        (v) => " .:-=+*#%@"[Math.floor((v / 256) * 10)],
      );
      expect(plain[1 + row] ?? "").toBe(
        line
          .map((shade) => `${shade}${shade}`)
          .join("")
          .trimEnd(),
      );
    }
    const coloured = await tailor(["predict", RUN, IMAGES[0]!, "--show", ...ONE_THREAD], { env: { FORCE_COLOR: "1" } });
    const blocks = coloured.stdout.trimEnd().split("\n").slice(1);
    expect(blocks).toHaveLength(14);
    const [upper, lower] = [pixels[10 * 28 + 14], pixels[11 * 28 + 14]];
    expect(blocks[5]!.split("▀")[14]).toBe(`\u001b[38;2;${upper};${upper};${upper};48;2;${lower};${lower};${lower}m`);
  });
});

test("examples/classify.js runs against the built package", () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "examples/classify.js"), RUN, IMAGES[0]!, IMAGES[3]!],
    {
      encoding: "utf8",
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^\S.* [01]\.\d{3}; top three: .+, .+, .+$/);
  expect(lines[1]).toBe(`${IMAGES[0]} ${lines[0]!.split(/ [01]\./)[0]}`);
});
