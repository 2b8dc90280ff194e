/** Runs that a program trained with functions of its own. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { readMetrics, readRunRecord } from "../../src/runs/node/run-files.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const ROOT = resolve(import.meta.dirname, "../..");

test(
  "examples/own-functions.js trains with the built package, and its run is used from the command line",
  THOROUGH,
  async () => {
    const [data, out] = [await smallDataFolder({ train: 400, test: 40 }), join(sharedFolder(), "own")];
    const example = join(ROOT, "examples/own-functions.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [example, data, out], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const metrics = readMetrics(out).map((line) => line.metrics!.macroRecall!);
    expect(stdout.trimEnd().split("\n")).toEqual(
      metrics.map((value, i) => `epoch ${i + 1}: macro recall ${value.toFixed(3)}`),
    );
    expect(metrics.at(-1)).toBeGreaterThan(0.3);
    expect(readRunRecord(out)).toMatchObject({
      status: "finished",
      result: { metrics: { macroRecall: metrics.at(-1) } },
    });

    const evaluated = await tailor(["evaluate", out, "--data", data, "--threads", "1"]);
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const extended = await tailor(["train", "--extend", out, "--epochs", "9", "--data", data, "--threads", "1"]);
    expect(refusalOf(extended, 1)).toMatch(/begun with a function `loss` of a program/);
  },
);
