import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20 });
const FOLDER = sharedFolder();
const OUT = join(FOLDER, "run");
const TRAIN = ["train", "base", "--data", DATA, "--out", OUT, "--epochs", "1", "--batch-size", "20"];

/** What is typed, the exit code, and what the message must say: the thing, the value, what is allowed. */
type Case = readonly [args: readonly string[], code: 1 | 2, message: RegExp];

const USED_WRONGLY: readonly Case[] = [
  [["frobnicate"], 2, /unknown command 'frobnicate'/],
  [["train", "--epoch", "3", "base"], 2, /unknown option '--epoch'/],
  [
    ["train"],
    2,
    /name a recipe to train \(base, enhanced, base-long, enhanced-long, base-study, enhanced-study, enhanced-vflip, tiny, light, champion, resnet18, resnet18-kefth, resnet18-kefth-published, photos\), the file of one, or a run with --resume/,
  ],
  [
    ["train", "bsae"],
    2,
    /no recipe "bsae"; choose one of: base, enhanced, base-long, enhanced-long, base-study, enhanced-study, enhanced-vflip/,
  ],
  [["train", "base", "enhanced"], 2, /too many arguments/],
  [["train", "base", "--epochs"], 2, /'--epochs <n>' argument missing/],
  [[...TRAIN, "--epochs", "0"], 2, /--epochs must be a whole number from 1 up, got "0"/],
  [[...TRAIN, "--epochs", "-3"], 2, /--epochs must be a whole number from 1 up, got "-3"/],
  [[...TRAIN, "--epochs", "2.5"], 2, /--epochs must be a whole number from 1 up, got "2.5"/],
  [[...TRAIN, "--epochs", "20000"], 2, /epochs must be a whole number from 1 to 10000, got 20000/],
  [[...TRAIN, "--batch-size", "0"], 2, /--batch-size must be a whole number from 1 up, got "0"/],
  [[...TRAIN, "--lr", "NaN"], 2, /--lr must be a number above 0, got "NaN"/],
  [[...TRAIN, "--lr", "Infinity"], 2, /--lr must be a number above 0, got "Infinity"/],
  [[...TRAIN, "--lr", "-0.1"], 2, /--lr must be a number above 0, got "-0.1"/],
  [[...TRAIN, "--lr", "0"], 2, /--lr must be a number above 0, got "0"/],
  [[...TRAIN, "--lr", "1e-3x"], 2, /--lr must be a number above 0, got "1e-3x"/],
  [[...TRAIN, "--seed", "-1"], 2, /--seed must be a whole number from 0 up, got "-1"/],
  [[...TRAIN, "--seed", "9007199254740993"], 2, /--seed must be a whole number from 0 up/],
  [[...TRAIN, "--threads", "0"], 2, /--threads must be a whole number from 1 to 1024, got "0"/],
  [[...TRAIN, "--limit", "0"], 2, /--limit must be a whole number from 1 up, got "0"/],
  [[...TRAIN, "--limit", "221"], 2, /limit: 221 of 220 training images cannot be kept; allowed is 1 to 220/],
  [[...TRAIN, "--batch-size", "221"], 2, /batch size 221 is more than the 220 training images; use --batch-size 220/],
  [[...TRAIN, "--limit", "19"], 2, /batch size 20 is more than the 19 training images/],
  [[...TRAIN, "--lowering", "fast"], 2, /'--lowering <kind>' argument 'fast' is invalid.*standard, blocked/],
  [[...TRAIN, "--train-on", "test"], 2, /'--train-on <images>' argument 'test' is invalid.*split, all/],
  [[...TRAIN, "--evaluate", "train"], 2, /'--evaluate <split>' argument 'train' is invalid.*test, validation/],
  [
    [...TRAIN, "--train-on", "all", "--evaluate", "validation"],
    2,
    /--train-on all keeps no images for validation; use --evaluate test, or leave out --train-on/,
  ],
  [
    [...TRAIN, "--seeds", "2", "--train-on", "all", "--evaluate", "validation"],
    2,
    /--train-on all keeps no images for validation; use --evaluate test/,
  ],
  [["summary", "base", "--size", "0"], 2, /--size must be a whole number from \d+ to \d+, got "0"/],
  [["summary", "base", "--fit", "pad"], 2, /--fit is for data of your own; name their folder with --data/],
  [[...TRAIN, "--out", ""], 2, /--out must name a folder, got ""/],
  [[...TRAIN, "--allow-different"], 2, /--allow-different only goes with --resume/],
  [["train", "base", "--resume", FOLDER], 2, /--resume goes on as the run began; leave out the recipe/],
  [["train", "--resume", FOLDER, "--lr", "1", "--batch-size", "8"], 2, /leave out --batch-size, --lr, or start a new/],
  [["train", "--resume", join(FOLDER, "none")], 2, /there is no folder .*none; name the folder of a run/],
  [["evaluate"], 2, /missing required argument 'run'/],
  [["evaluate", join(FOLDER, "none")], 2, /there is no folder .*none; name the folder of a run/],
  [["evaluate", DATA], 2, /is not a run folder: it has no run\.json; name the folder of a run/],
  [["predict"], 2, /missing required argument 'run'/],
  [["predict", FOLDER], 2, /missing required argument 'image'/],
  [["predict", join(FOLDER, "none"), "x.png"], 2, /there is no folder .*none; name the folder of a run/],
  [["predict", DATA, "x.png"], 2, /is not a run folder: it has no run\.json; name the folder of a run/],
  [["predict", DATA, "x.png", "--top", "0"], 2, /--top must be a whole number from 1 up, got "0"/],
  [["predict", DATA, "x.png", "--background", "blue"], 2, /'blue' is invalid.*auto, light, dark/],
  [["predict", join(DATA, "train-labels-idx1-ubyte"), "x.png"], 1, /train-labels-idx1-ubyte is not an ONNX model/],
  [["summary"], 2, /missing required argument 'model'/],
  [["summary", "resnet"], 2, /no model "resnet"; choose one of: base, enhanced/],
  [["bench", "test"], 2, /no bench "test"; choose one of: train, infer, roofline/],
  [["bench", "train", "--models", "base,resnet"], 2, /no model "resnet"; choose one of: base, enhanced/],
  [["bench", "infer", "--lowering", "standard"], 2, /--lowering is for bench train/],
  [["bench", "infer", "--freeze", "conv1"], 2, /--freeze is for bench train/],
  [["bench", "train", "--freeze-batch-norm"], 2, /--freeze-batch-norm goes with --freeze/],
  [["bench", "train", "--models", "base", "--freeze", "layer1"], 2, /called "layer1"; there are: /],
  [
    ["bench", "infer", "--data", DATA, "--models", "base", "--batch-size", "21"],
    1,
    /21 is more than the 20 test images/,
  ],
  [["bench", "roofline", "--models", "resnet"], 2, /no model "resnet"; choose one of: base, enhanced/],
  [["bench", "roofline", "--steps", "1"], 2, /--steps must be a whole number from 2 up, got "1"/],
  [["bench", "roofline", "--data", join(FOLDER, "none")], 1, /none/],
  [["train", "base", "--profile", "yes"], 2, /too many arguments/],
  [["bench", "train", "--steps", "1"], 2, /--steps must be a whole number from 2 up, got "1"/],
  [
    ["bench", "train", "--data", DATA, "--models", "base", "--batch-size", "241"],
    1,
    /batch size: 241 is more than the 240/,
  ],
  [["data", "--data", ""], 2, /--data must name a folder, got ""/],
];

describe("a usage error is reported in one line, and no run folder is created", () => {
  test.concurrent.each(USED_WRONGLY)("tailor %j: exit code %i", async (args, code, message) => {
    const [command, ...rest] = args;
    const known = ["study", "train", "evaluate", "compare", "predict", "summary", "data", "bench"].includes(command!);
    const result = await tailor(known ? [command!, "--json", ...rest] : args);
    expect(refusalOf(result, code)).toMatch(message);
    expect(existsSync(OUT)).toBe(false);
  });
});

describe("the output folder", () => {
  test("that is a file, or contains something else, is refused and not changed", async () => {
    const file = join(FOLDER, "file");
    writeFileSync(file, "mine");
    const other = join(FOLDER, "other");
    mkdirSync(other);
    writeFileSync(join(other, "thesis.txt"), "mine");
    const into = (path: string) => tailor([...TRAIN, "--out", path, "--json"]);
    expect(refusalOf(await into(file), 2)).toMatch(
      /file is a file; expected a folder; choose another folder with --out/,
    );
    expect(refusalOf(await into(other), 2)).toMatch(/other is not empty and not a run folder; choose a new or empty/);
    expect(refusalOf(await into(join(file, "run")), 1)).toMatch(/part of the path is a file/);
    expect(readdirSync(other)).toEqual(["thesis.txt"]);
  });
});

describe("a learning rate that is far too high", () => {
  const advice = "Try a lower learning rate (--lr, now 1e+38), or a schedule that warms up";
  const rate = ["--lr", "1e38", "--threads", "1", "--json"];

  test("stops training in one line: the step, and what to try", async () => {
    const out = join(FOLDER, "diverged");
    const message = refusalOf(await tailor([...TRAIN, "--out", out, "--limit", "60", ...rate]), 1);
    expect(message).toMatch(/^training diverged: the loss became \S+ at step [23] \(epoch 1\)\. /);
    expect(message).toContain(advice);
    expect(readdirSync(out)).toEqual(["run.json"]);
  });

  test("is detected at the end of an epoch of one step too, whose own loss was still finite", async () => {
    const out = join(FOLDER, "diverged at once");
    const message = refusalOf(await tailor([...TRAIN, "--out", out, "--limit", "20", ...rate]), 1);
    expect(message).toMatch(
      /^training diverged: (the validation loss|a number of \S+) became \S+ at step 1 \(epoch 1\)\. /,
    );
    expect(message).toContain(advice);
    expect(readdirSync(out)).toEqual(["run.json"]);
  });
});

describe("--verbose", () => {
  test("shows where an error happened, and only then", async () => {
    const args = ["train", "nope", "--json"];
    expect(refusalOf(await tailor(args), 2)).toMatch(/no recipe "nope"/);
    const { code, stdout, stderr } = await tailor([...args, "--verbose"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/error: UserError: there is no recipe "nope".*\n {4}at findRecipe .*\.js:\d+/);
  });
});

test("a recipe's name of an earlier version is taken, and said to have changed", async () => {
  const result = await tailor(["train", "base-seed", "--epochs", "0"]);
  expect(refusalOf(result, 2)).toMatch(/--epochs must be a whole number/);
  expect(result.stderr).toContain("recipe base-seed is called base-study now");
});
