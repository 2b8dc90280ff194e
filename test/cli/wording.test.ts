import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { callOf, IN_FLAGS } from "../../src/cli/wording.ts";
import { UserError } from "../../src/errors.ts";
import { type OptionName, PLAIN, type Wording } from "../../src/wording.ts";
import { tailor } from "./support/tailor.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Every one, or this does not compile. */
const NAMES: Record<OptionName, true> = {
  allowDifferent: true,
  allowHost: true,
  basePath: true,
  batchSize: true,
  channels: true,
  classNames: true,
  data: true,
  device: true,
  epochs: true,
  folds: true,
  force: true,
  format: true,
  host: true,
  image: true,
  labelFrom: true,
  learningRate: true,
  lowering: true,
  model: true,
  normalization: true,
  out: true,
  over: true,
  port: true,
  random: true,
  size: true,
  skipUnreadable: true,
  split: true,
  trainOn: true,
};

test("whatever option a message names, its flag is one that a command has", async () => {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
  const declared = new Set(commands.flatMap(({ options }) => options.map(({ flags }) => flags.split(" ")[0])));
  const named = Object.keys(NAMES).flatMap((name) => IN_FLAGS.option(name as OptionName).split(", "));
  expect(named.filter((flag) => !declared.has(flag))).toEqual([]);
  expect(declared.size).toBeGreaterThan(40);
});

test.each([
  ["a clone", "/home/ann/tailor/bin/tailor.js", "/home/ann/tailor", "node bin/tailor.js"],
  ["a folder beside a clone", "/home/ann/tailor/bin/tailor.js", "/home/ann/photos", "node ../tailor/bin/tailor.js"],
  ["far away", "/opt/tailor/bin/tailor.js", "/home/ann/photos/2026", "node /opt/tailor/bin/tailor.js"],
  ["a path with a space", "/my code/bin/tailor.js", "/", "node 'my code/bin/tailor.js'"],
  ["a project", "/home/ann/app/node_modules/@tailor-ml/tailor/bin/tailor.js", "/home/ann/app", "npx tailor"],
])("commands are printed as they can be typed in %s", (_, file, folder, call) => {
  expect(callOf(file, folder)).toBe(call);
});

test("from another folder help and messages name tailor by its path from there", async () => {
  const { stdout } = await tailor(["export", "--help"], { cwd: join(ROOT, "docs") });
  expect(stdout).toContain("  node ../bin/tailor.js export runs/best --out best.onnx");
});

test("an error names options as a program gives them, and on the command line as flags", () => {
  const error = new UserError((w) => `too many; use ${w.option("batchSize", 20)}, or ${w.option("learningRate")}`);
  expect(error.message).toBe("too many; use `batchSize` 20, or `learningRate`");
  expect(error.worded(IN_FLAGS)).toBe("too many; use --batch-size 20, or --lr");
  expect(new UserError("there is no file a").worded(IN_FLAGS)).toBe("there is no file a");
});

test("a value in a message can be typed as it stands", () => {
  expect(IN_FLAGS.option("out", "my runs/a")).toBe("--out 'my runs/a'");
});

test("the command that resumes a run stands in the message on the command line only", () => {
  const words = (w: Wording) => `resume it${w.command("train", { resume: "my runs/best", allowDifferent: true })}`;
  expect(words(PLAIN)).toBe("resume it");
  expect(words(IN_FLAGS)).toBe("resume it: node bin/tailor.js train --resume 'my runs/best' --allow-different");
});
