import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 120, test: 30 });
const FOLDER = sharedFolder();
const WHERE = ["--data", DATA, "--threads", "1"];
const RUN = join(FOLDER, "best");

beforeAll(async () => {
  const sizes = ["--limit", "40", "--batch-size", "20", "--epochs", "1"];
  await tailorJson(["train", "base", ...sizes, "--tensorboard", "--skip-report", "--out", RUN, ...WHERE]);
});

describe("export --json", () => {
  test.each([
    ["onnx", "best.onnx", { opset: 17 }],
    ["safetensors", "best.safetensors", { maxLogitDifference: 0 }],
    ["pytorch", "best-pytorch", { maxLogitDifference: 0 }],
  ])("%s: file, format and difference; the name follows from the run's", async (format, file, more) => {
    const printed = await tailorJson(["export", `${RUN}/`, "--format", format, ...WHERE], { cwd: FOLDER });
    expect(printed).toMatchObject({ run: `${RUN}/`, file, format, images: 30, imagesFrom: "test", ...more });
    expect(printed.maxLogitDifference).toBeGreaterThanOrEqual(0);
    expect(printed.maxLogitDifference).toBeLessThan(1e-4);
    expect(existsSync(join(FOLDER, file))).toBe(true);
    expect(refusalOf(await tailor(["export", RUN, "--format", format, ...WHERE], { cwd: FOLDER }), 2)).toMatch(
      /is there already|is not empty/,
    );
  });

  test("prints format, file, difference and what it was measured on", async () => {
    const out = join(FOLDER, "words.onnx");
    const { code, stdout } = await tailor(["export", RUN, "--out", out, ...WHERE]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ONNX model, opset 17: .*words\.onnx\nlargest logit difference .* 30 test images: \d\.\de-\d+\n/,
    );
  });
});

describe("refusals", () => {
  test.each<[string, string[], 1 | 2, RegExp]>([
    ["no run", ["export", "nowhere"], 2, /there is no folder nowhere/],
    ["an unknown format", ["export", RUN, "--format", "tflite"], 2, /Allowed choices are onnx, safetensors, pytorch/],
    ["data that is not there", ["export", RUN, "--data", "/nowhere"], 1, /nowhere/],
    ["no weights", ["import", "nowhere.safetensors"], 2, /there is no file nowhere\.safetensors/],
    ["a model file for weights", ["import", join(RUN, "model.onnx")], 1, /model\.onnx: expected a header/],
    ["a mean alone", ["import", "x", "--mean", "0.5"], 2, /--mean and --std go together/],
    ["other numbers of them", ["import", "x", "--mean", "0,0", "--std", "1"], 2, /as many numbers, got 2 and 1/],
    ["a deviation of 0", ["import", "x", "--mean", "0", "--std", "0"], 2, /--std must be numbers above 0, got "0"/],
    ["words as numbers", ["import", "x", "--mean", "a", "--std", "1"], 2, /--mean must be numbers .* got "a"/],
    ["an empty class", ["import", "x", "--classes", "a,,b"], 2, /--classes must be names .* got "a,,b"/],
    [
      "an image of two sizes",
      ["import", "x", "--image", "28x28"],
      2,
      /--image must be sizes like 1x28x28, got "28x28"/,
    ],
  ])("%s", async (_, args, code, message) => {
    expect(refusalOf(await tailor([...args, "--json"]), code)).toMatch(message);
  });

  test("an imported run is not resumed", async () => {
    const out = join(FOLDER, "imported");
    const args = ["import", join(RUN, "weights.safetensors"), "--classes", "a,b,c,d,e,f,g,h,i, j", "--out", out];
    expect(await tailorJson(args)).toMatchObject({ run: out, model: "base", parameters: 421_642 });
    const resumed = await tailor(["train", "--resume", out, ...WHERE, "--json"]);
    expect(refusalOf(resumed, 2)).toMatch(/imported holds imported weights/);
  });

  test("a damaged model.onnx is refused when it is opened", async () => {
    const model = readFileSync(join(RUN, "model.onnx"));
    for (const bytes of [
      model.subarray(0, model.length / 2),
      Buffer.concat([model.subarray(0, 40), model]),
      Buffer.from("x"),
    ]) {
      const copy = join(FOLDER, "lying");
      await tailorJson(["import", join(RUN, "weights.safetensors"), "--out", `${copy}${bytes.length}`]);
      writeFileSync(join(`${copy}${bytes.length}`, "model.onnx"), bytes);
      const evaluated = await tailor(["evaluate", `${copy}${bytes.length}`, ...WHERE, "--json"]);
      expect(refusalOf(evaluated, 1)).toMatch(/model\.onnx is damaged: it has \d+ bytes, run\.json says \d+/);
    }
  });
});
