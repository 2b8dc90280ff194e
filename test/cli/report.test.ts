import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { parsed } from "../report/page-parts.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { jsonOf, type Result, refusalOf, tailor, tailorJson, twoStepEpochs } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 60, isHalved: true });
const FOLDER = sharedFolder();
const RUN = join(FOLDER, "run");
const FIGURES = ["accuracy", "calibration", "confusion", "data-sample", "loss", "mistakes", "precision-recall", "roc"];

let trained: Result;
beforeAll(async () => {
  trained = await tailor([...twoStepEpochs(DATA, 2), "--seed", "3", "--out", RUN]);
});

const pageAt = (path: string) => parsed(readFileSync(path, "utf8"));
const leadOf = (path: string) => pageAt(path).querySelector(".lead")?.textContent;

describe("train", () => {
  test("ends with a report of the run in its folder, and its figures", () => {
    expect(trained.code).toBe(0);
    expect(trained.stdout).toContain(`report: ${RUN}/report.html\nrun: ${RUN}\n`);
    expect(readdirSync(join(RUN, "plots")).sort()).toEqual(FIGURES.map((name) => `${name}.svg`));
    const { validationAccuracy } = readRunRecord(RUN).result!;
    expect(leadOf(join(RUN, "report.html"))).toContain(`Seed 3. ${(100 * validationAccuracy!).toFixed(2)} %`);
  });

  test("leaves no evaluation in the record that was not asked for", () => {
    expect(readRunRecord(RUN).evaluations).toBeUndefined();
  });

  test("with --evaluate test reports on the test images", async () => {
    const out = join(FOLDER, "tested");
    const args = [...twoStepEpochs(DATA, 1), "--out", out, "--evaluate", "test"];
    const printed = await tailorJson<{ report: string; evaluation: { correct: number } }>(args);
    expect(printed.report).toBe(`${out}/report.html`);
    expect(leadOf(printed.report)).toContain(
      `of the test images are classified correctly, ${printed.evaluation.correct} of 60`,
    );
  });

  test("with --skip-report makes none", async () => {
    const out = join(FOLDER, "skipped");
    const { code, stdout } = await tailor([...twoStepEpochs(DATA, 1), "--out", out, "--skip-report"]);
    expect([code, existsSync(join(out, "report.html")), existsSync(join(out, "plots"))]).toEqual([0, false, false]);
    expect(stdout).not.toContain("report");
  });

  test("succeeds although its report cannot be made, and says how to try again", async () => {
    const out = join(FOLDER, "refused");
    // The folder of an unfinished run without a state is started over, in which a file takes the figures' place.
    const begun = await tailor([...twoStepEpochs(DATA, 1), "--out", out, "--skip-report"]);
    expect(begun.code).toBe(0);
    const record = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    writeFileSync(join(out, "run.json"), JSON.stringify({ ...record, status: "running", result: null }));
    rmSync(join(out, "state.safetensors"));
    writeFileSync(join(out, "plots"), "not a folder");
    const { code, stdout, stderr } = await tailor([...twoStepEpochs(DATA, 1), "--out", out]);
    expect([code, stdout.endsWith(`run: ${out}\n`), stdout.includes("report")]).toEqual([0, true, false]);
    expect(stderr).toContain(`its report could not be made: ${out}/plots is a file`);
    expect(stderr).toContain(`to try again: node bin/tailor.js report ${out}\n`);
    expect(readRunRecord(out).status).toBe("finished");
  });

  test("of all images without an evaluation reports the training only", async () => {
    const out = join(FOLDER, "all");
    await tailorJson([...twoStepEpochs(DATA, 1), "--train-on", "all", "--out", out]);
    expect(leadOf(join(out, "report.html"))).toMatch(/no accuracy is known\.$/);
    expect(readdirSync(join(out, "plots")).sort()).toEqual(["accuracy.svg", "data-sample.svg", "loss.svg"]);
  });
});

describe("report", () => {
  const REPORT = ["report", RUN, "--threads", "1"];

  test("makes the page again, with the same results and without changing the record", async () => {
    const before = readFileSync(join(RUN, "report.html"), "utf8");
    const record = readFileSync(join(RUN, "run.json"), "utf8");
    writeFileSync(join(RUN, "report.html"), "old");
    const printed = await tailorJson(REPORT);
    expect(printed).toEqual({
      report: `${RUN}/report.html`,
      plots: expect.arrayContaining(FIGURES.map((name) => `${RUN}/plots/${name}.svg`)),
    });
    const undated = (page: string) => page.replace(/made \d{4}-\d\d-\d\d, \d\d:\d\d UTC/, "");
    expect(undated(readFileSync(join(RUN, "report.html"), "utf8"))).toBe(undated(before));
    expect(readFileSync(join(RUN, "run.json"), "utf8")).toBe(record);
  });

  test("with --out writes the page alone, and replaces a file only with --force", async () => {
    const out = join(FOLDER, "pages", "page.html");
    const args = [...REPORT, "--split", "test", "--out", out];
    expect(await tailorJson(args)).toEqual({ report: out, plots: [] });
    expect(leadOf(out)).toContain("of the test images are classified correctly");
    expect(readdirSync(join(FOLDER, "pages"))).toEqual(["page.html"]);
    expect(refusalOf(await tailor(args), 2)).toContain(
      `${out} is there already; choose another path with --out, or replace it with --force`,
    );
    expect((await tailor([...args, "--force"])).code).toBe(0);
  });

  test("names the command that trains the same weights again", async () => {
    const command = pageAt(join(RUN, "report.html")).querySelector("#made p code")?.textContent ?? "";
    expect(command).toMatch(/^node bin\/tailor\.js train base --epochs 2 --batch-size 20 /);
    const again = join(FOLDER, "again");
    const words = command.split(" ").slice(2);
    const { weightsSha256 } = jsonOf(
      await tailor([...words, "--threads", "1", "--out", again, "--json", "--skip-report"]),
    );
    expect(weightsSha256).toBe(readRunRecord(RUN).result!.weightsSha256);
  });

  test("gives the recipe as a file where it is not tailor's, which trains the same weights again", async () => {
    const recipe = { ...readRunRecord(RUN).recipe, name: "mine", labelSmoothing: 0.05 };
    const [file, out] = [join(FOLDER, "mine.json"), join(FOLDER, "mine")];
    writeFileSync(file, JSON.stringify(recipe));
    const options = ["--data", DATA, "--limit", "40", "--threads", "1", "--json"];
    const { weightsSha256 } = await tailorJson(["train", file, ...options.slice(0, -1), "--out", out]);
    const made = pageAt(join(out, "report.html")).querySelector("#made");
    expect(made?.querySelector("p code")?.textContent).toMatch(/^node bin\/tailor\.js train recipe\.json --seed 1 /);
    const copy = join(FOLDER, "recipe.json");
    writeFileSync(copy, made?.querySelector("pre")?.textContent ?? "");
    const again = jsonOf(await tailor(["train", copy, ...options, "--skip-report", "--out", join(FOLDER, "copied")]));
    expect(again.weightsSha256).toBe(weightsSha256);
  });

  test("refuses what is no finished run, and a run without validation images", async () => {
    const empty = join(FOLDER, "empty");
    mkdirSync(empty);
    expect(refusalOf(await tailor(["report", empty]), 2)).toContain("is not a run folder");
    const all = join(FOLDER, "all");
    expect(refusalOf(await tailor(["report", all, "--split", "validation"]), 2)).toContain("--split test");
    const unfinished = join(FOLDER, "unfinished");
    mkdirSync(unfinished);
    const record = JSON.parse(readFileSync(join(RUN, "run.json"), "utf8"));
    writeFileSync(join(unfinished, "run.json"), JSON.stringify({ ...record, status: "running", result: null }));
    expect(refusalOf(await tailor(["report", unfinished]), 1)).toContain("is not finished");
  });
});

describe("a comparison", () => {
  const SEEDS = join(FOLDER, "seeds");
  const PAGE = join(FOLDER, "comparison.html");

  test("is the report of train --seeds", async () => {
    const { code, stdout } = await tailor([...twoStepEpochs(DATA, 1), "--seeds", "2", "--out", SEEDS]);
    const page = join(SEEDS, "report.html");
    expect([code, stdout.endsWith(`report: ${page}\n`)]).toEqual([0, true]);
    expect(pageAt(page).querySelector("h1")?.textContent).toBe("Comparison of 2 runs");
    expect(leadOf(page)).toMatch(/^On the validation images: base \d+\.\d\d % ± \d+\.\d\d \(n = 2\)\.$/);
    const command = pageAt(page).querySelector("#made code")?.textContent;
    expect(command).toBe(`node bin/tailor.js report ${SEEDS} --out ${page} --force`);
    expect((await tailor([...command!.split(" ").slice(2), "--threads", "1"])).code).toBe(0);
  });

  test("has every run, the pairs, the curves and the settings in which recipes differ", async () => {
    const args = ["report", RUN, SEEDS, "--threads", "1", "--out", PAGE];
    const before = readRunRecord(RUN);
    expect(await tailorJson(args)).toEqual({ report: PAGE, plots: [] });
    const document = pageAt(PAGE);
    const rows = (section: string, table = 0) =>
      [...([...document.querySelectorAll(`#${section} table`)][table]?.querySelectorAll("tbody tr") ?? [])].map((row) =>
        [...row.querySelectorAll("th, td")].map(({ textContent }) => textContent!),
      );
    const runs = [RUN, `${SEEDS}/s1`, `${SEEDS}/s2`];
    expect(rows("results").map(([run]) => run)).toEqual(runs);
    expect(rows("results", 1).map(([run]) => run)).toEqual(runs);
    expect(rows("pairs").map(([b, a]) => [a, b])).toEqual([
      [runs[0], runs[1]],
      [runs[0], runs[2]],
      [runs[1], runs[2]],
    ]);
    expect(rows("configuration")).toEqual([["epochs", "2", "1"]]);
    expect(rows("classes")).toHaveLength(10);
    expect(document.querySelectorAll("#curves figure")).toHaveLength(1);
    expect(readRunRecord(RUN)).toEqual(before);
    expect(refusalOf(await tailor(args), 2)).toContain("is there already");
  });

  test("is of test images only if every run was evaluated on them", async () => {
    const tested = join(FOLDER, "tested");
    const pages = [join(FOLDER, "mixed.html"), join(FOLDER, "both.html")] as const;
    await tailorJson(["report", RUN, tested, "--threads", "1", "--out", pages[0]]);
    expect(leadOf(pages[0])).toContain("On the validation images");
    await tailorJson(["report", RUN, tested, "--threads", "1", "--split", "test", "--out", pages[1]]);
    expect(leadOf(pages[1])).toContain("On the test images");
  });

  test("refuses a run that is named twice, and runs on other data", async () => {
    expect(refusalOf(await tailor(["report", RUN, `${RUN}/`]), 2)).toContain("is named twice");
    const record = JSON.parse(readFileSync(join(RUN, "run.json"), "utf8"));
    record.data.files[0].sha256 = "0".repeat(64);
    const other = join(FOLDER, "other");
    cpSync(RUN, other, { recursive: true });
    writeFileSync(join(other, "run.json"), JSON.stringify(record));
    const out = join(FOLDER, "never.html");
    expect(refusalOf(await tailor(["report", RUN, other, "--out", out]), 1)).toContain("was trained on other data");
    expect(existsSync(out)).toBe(false);
  });
});
