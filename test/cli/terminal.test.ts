/** Output to terminals, files, and readers that stop reading. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { fittedLine } from "../../src/cli/live-line.ts";
import { readingLine } from "../../src/cli/reading-display.ts";
import { epochParts, trainingLine } from "../../src/cli/training-display.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { BIN, start, startTailor, tailor, twoStepEpochs } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20, isHalved: true });
const FOLDER = sharedFolder();
const WRONG = ["train", "nope"];
const TRAIN = [...twoStepEpochs(DATA, 2), "--skip-report"];
const ESCAPE = "\u001b";
/** Runs a command in a terminal. */
const SCRIPT = "script";

/** Skips the test where there is no such program. */
function requireTerminal(context: TestContext): void {
  if (spawnSync(SCRIPT, ["-qec", "true", "/dev/null"]).status === 0) return;
  expect(process.env.REQUIRE_PEERS, "`script` is required").not.toBe("1");
  context.skip("needs the Debian package bsdutils");
}

/** Runs tailor in a terminal; both streams come back as standard output. */
function inTerminal(args: readonly string[], env: Record<string, string> = {}, columns?: number) {
  const width = columns === undefined ? "" : `stty cols ${columns}; `;
  const command = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(" ");
  return start(SCRIPT, ["-qec", `${width}${command}`, "/dev/null"], { env: { TERM: "xterm", ...env } }).ended;
}

describe("colour", () => {
  test("is off if standard error is not a terminal, also in continuous integration", async () => {
    for (const env of [{}, { CI: "1" }, { TERM: "xterm" }]) {
      const { stderr } = await tailor(WRONG, { env });
      expect(stderr).toMatch(/^error: there is no recipe/);
    }
  });

  test("is forced by FORCE_COLOR and disabled by NO_COLOR, which takes precedence", async () => {
    const forced = await tailor(WRONG, { env: { FORCE_COLOR: "1" } });
    expect(forced.stderr).toContain(`${ESCAPE}[31merror:`);
    const both = await tailor(WRONG, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(both.stderr).toMatch(/^error: there is no recipe/);
    const usage = await tailor(["train", "--lr"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
    expect(usage.stderr).toMatch(/^error: option '--lr <rate>' argument missing/);
  });

  test("is on in a terminal, unless NO_COLOR is set or errors go to a file", THOROUGH, async (context) => {
    requireTerminal(context);
    expect((await inTerminal(WRONG)).stdout).toContain(`${ESCAPE}[31merror:`);
    expect((await inTerminal(WRONG, { NO_COLOR: "1" })).stdout).not.toContain(ESCAPE);
    const log = join(FOLDER, "log");
    const command = `'${process.execPath}' '${BIN}' ${WRONG.join(" ")} 2> '${log}'`;
    await start(SCRIPT, ["-qec", command, "/dev/null"], { env: { TERM: "xterm" } }).ended;
    expect(readFileSync(log, "utf8")).toMatch(/^error: there is no recipe/);
  });
});

describe("training", () => {
  test("draws a live line in a terminal, and clears it for each epoch's line", async (context) => {
    requireTerminal(context);
    const { code, stdout } = await inTerminal([...TRAIN, "--out", join(FOLDER, "live")]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/epoch 1\/2 [=-]+ step 1\/4 \| loss \d\.\d{4} \| accuracy /);
    for (const epoch of [1, 2]) expect(stdout).toContain(`${ESCAPE}[2Kepoch ${epoch}/2 | train loss `);
    // The cursor is shown again after it was hidden.
    expect(stdout.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(stdout.lastIndexOf(`${ESCAPE}[?25l`));
  });

  test("shows the time left however narrow the terminal is", THOROUGH, async (context) => {
    requireTerminal(context);
    // The estimate comes after 20 steps.
    const args = [...TRAIN, "--batch-size", "2", "--epochs", "4", "--out", join(FOLDER, "narrow")];
    const { code, stdout } = await inTerminal(args, {}, 80);
    expect(code).toBe(0);
    const lines = stdout
      .split(ESCAPE)
      .flatMap((text) => text.replace(/^\[\??\d*[A-Za-z]/, "").split(/[\r\n]+/))
      .filter((line) => /step [2-9]\d\/80/.test(line));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).toMatch(/ \| (\d.* left|\.\.\.)$/);
    }
    expect(lines.some((line) => line.endsWith(" left"))).toBe(true);
  });

  test.each([30, 60, 80, 100, 120, 200])("what matters most is left in %i columns", (columns) => {
    const state = { bar: "========--------", value: 1234, total: 12_345, eta: 100 };
    const fields = { epoch: "10/12", loss: "0.1234", accuracy: "93.47 %", rate: "4.0e-3", speed: "7,529" };
    const line = fittedLine(trainingLine(state, { ...fields, left: "9 min 59 s left" }), columns);
    expect(line.length).toBeLessThanOrEqual(Math.max(columns, 45));
    expect(line).toMatch(/^epoch 10\/12 .*step 1234\/12345.* \| 9 min 59 s left$/);
    expect(line.includes("7,529 images/s")).toBe(columns >= 120);
    expect(fittedLine(readingLine(state, { speed: "1,200", left: "39 s" }), columns)).toMatch(/ \| 39 s left$/);
  });

  test.each([80, 100, 140])("the line of an epoch fits into %i columns", (columns) => {
    const line = { epoch: 7, step: 70, trainLoss: 1.1306, trainAccuracy: 0.3542, learningRate: 6e-4 };
    const validated = { validationLoss: 1.1308, validationAccuracy: 0.3333, imagesPerSecond: 14, seconds: 733 };
    const text = fittedLine(epochParts({ ...line, ...validated }, 60), columns);
    expect(text.length).toBeLessThanOrEqual(columns);
    expect(text).toMatch(/^epoch {2}7\/60 \| train loss 1\.1306.* \| validation loss 1\.1308, accuracy 33\.33 %/);
    expect(text.includes("35.42 %")).toBe(columns >= 100);
    expect(text.includes("12 min 13 s")).toBe(columns >= 140);
  });

  test("elsewhere prints a time estimate after 20 steps, and a line per epoch", async () => {
    const sizes = ["--limit", "84", "--batch-size", "2", "--epochs", "1", "--out", join(FOLDER, "log of lines")];
    const { code, stderr } = await tailor([...TRAIN, ...sizes]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/\nstep [23]\d of 42: [\d,]+ images\/s, about \d+ s left\nepoch 1\/1 \| train loss /);
  });

  test("continues to its end when the reader of its log has gone", async () => {
    const out = join(FOLDER, "unread");
    const { child, ended } = startTailor([...TRAIN, "--out", out, "--json"]);
    child.stderr?.destroy();
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: out });
    expect(readRunRecord(out).status).toBe("finished");
  });
});

describe("a reader of standard output that went away", () => {
  test.each([[["summary", "base"]], [["data", "--data", DATA, "--json"]], [["--help"]]])(
    "is no error: tailor %j",
    async (args) => {
      const { child, ended } = startTailor(args);
      child.stdout?.destroy();
      const { code, stderr } = await ended;
      expect(code).toBe(0);
      expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
    },
  );
});
