import { describe, expect, test } from "vitest";
import { studyFigures } from "../../src/report/node/figures.ts";
import { studyPage } from "../../src/report/page.ts";
import type { StudyReport } from "../../src/report/report-data.ts";
import { modelDetail, studyReport, testImages } from "./fixture.ts";
import { parsed } from "./page-parts.ts";

const report = studyReport();
const figures = studyFigures(report);
const page = studyPage(report, figures);
const pageOf = (parts: Partial<StudyReport>) => {
  const changed = { ...report, ...parts };
  return studyPage(changed, studyFigures(changed));
};
const headings = (markup: string) => [...parsed(markup).querySelectorAll("h2")].map(({ textContent }) => textContent);

describe("the page", () => {
  test("starts with the results and what follows from them", () => {
    expect(headings(page)).toEqual([
      "Results",
      "Conclusion",
      "What Enhanced adds",
      "Training",
      "Confusion",
      "Class by class",
      "Most confused",
      "Calibration",
      "Most confident mistakes",
      "The images",
      "Beside published results",
      "How it was made",
    ]);
    const second = [...parsed(page).querySelectorAll("main > section")][1];
    expect([...(second?.querySelectorAll("p") ?? [])].map(({ textContent }) => textContent)).toEqual(report.conclusion);
  });

  test("gives the result in one sentence", () => {
    expect(parsed(page).querySelector(".lead")?.textContent).toBe(
      "On 10,000 test images, base reaches 93.47 % ± 0.07 (n = 3) and enhanced 94.42 % ± 0.08 (n = 2); the study published 91.65 % (Base) and 92.68 % (Enhanced).",
    );
  });

  test("allows no line break between a number and its unit", () => {
    expect(page).toContain("94.42\u00a0%\u00a0±\u00a00.08 (n\u00a0=\u00a02)");
  });

  test("describes how it was made: command, machine, versions, runs, protocol", () => {
    const made = parsed(page).querySelector("#made");
    const facts = [...(made?.querySelectorAll("dd") ?? [])].map(({ textContent }) => textContent);
    expect(facts.slice(0, 5)).toEqual([
      "node bin/tailor.js study --seeds 2",
      "2026-11-23, 18:00 UTC",
      "0123456789abcdef0123456789abcdef01234567",
      "AMD EPYC, 2 cores; 2 threads",
      "tailor 0.1.0, Node 20.20.2, ONNX Runtime 1.30.0",
    ]);
    expect(facts.at(-1)).toBe("runs/study/enhanced-s1 (seed 1), runs/study/enhanced-s2 (seed 2)");
    expect(made?.querySelector("li")?.textContent).toMatch(/^55,000 images train and 5,000 validate/);
  });

  test("shows every figure once, with an alternative text and a caption", () => {
    const shown = [...parsed(page).querySelectorAll("figure")];
    const pictures = shown.map((figure) => {
      const source = figure.querySelector("img")?.getAttribute("src") ?? "";
      return Buffer.from(source.replace("data:image/svg+xml;base64,", ""), "base64").toString("utf8");
    });
    const drawn = [...pictures].map((svg) => svg.replace(/<style>.*?<\/style>/, ""));
    expect(drawn.sort()).toEqual(figures.map(({ svg }) => svg).sort());
    const said = shown.map((figure) => [
      figure.querySelector("img")?.getAttribute("alt"),
      figure.querySelector("figcaption")?.textContent,
    ]);
    expect([...said].sort()).toEqual(figures.map(({ title, caption }) => [title, caption]).sort());
  });

  test("is self-contained: URLs are only in links to sources", () => {
    const links = [...parsed(page).querySelectorAll("a")].map((link) => link.getAttribute("href") ?? "");
    expect(links.filter((href) => !href.startsWith("#") && !href.startsWith("https://"))).toEqual([]);
    const withoutLinks = page.replaceAll(/ href="https?:[^"]*"/g, "");
    expect(withoutLinks).not.toMatch(/https?:|url\(|@import|<script|<link|<iframe/i);
    const sources = [...withoutLinks.matchAll(/\bsrc="([^"]{0,30})/g)].map(([, start]) => start);
    expect(new Set(sources)).toEqual(new Set(["data:image/svg+xml;base64,PHN2"]));
    expect(sources).toHaveLength(figures.length);
  });

  test("has a table of contents with valid links, and no duplicate ids", () => {
    const document = parsed(page);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = [...document.querySelectorAll("nav a")].map((link) => link.getAttribute("href")?.slice(1));
    expect(targets).toEqual([...document.querySelectorAll("main > section")].map(({ id }) => id));
  });

  test("is the same for the same report, byte for byte", () => {
    const again = studyReport();
    expect(studyPage(again, studyFigures(again)) === page).toBe(true);
  });

  test("escapes names, texts and addresses", () => {
    const hostile = "<b>&\"'";
    const classNames = [hostile, ...report.test.classNames.slice(1)];
    const test = testImages(300, classNames);
    const markup = pageOf({
      test,
      models: [{ ...modelDetail("base", test, 0.9), description: hostile }],
      conclusion: [hostile],
      setting: { ...report.setting, command: hostile, dataSource: hostile, cpu: hostile },
      results: report.results.map((result) => ({ ...result, name: `${hostile} ${result.name}` })),
    });
    expect(markup).not.toContain("<b>");
    expect(markup.match(/&lt;b&gt;&amp;&quot;&#39;/g)?.length).toBeGreaterThan(12);
    expect(parsed(markup).querySelector("#conclusion p")?.textContent).toBe(hostile);
  });
});

describe("the banner", () => {
  test("is on the page of a quick study only", () => {
    const banner =
      "A quick study. It trained on 5,500 images for 1 epoch, to see that everything works. Its figures are no result.";
    const setting = { ...report.setting, trainImages: 5500, epochs: 1 };
    const quick = parsed(pageOf({ isQuick: true, setting }));
    expect(quick.querySelector(".banner")?.textContent).toBe(banner);
    expect(quick.querySelector(".lead")?.textContent).toMatch(/^In a quick try, on 10,000 test images, base reaches/);
    expect(page).not.toContain("quick");
    expect(parsed(page).querySelector(".banner")).toBeNull();
  });
});

describe("a smaller study", () => {
  test("of one model has no gaps", () => {
    const results = report.results.filter(({ name }) => name === "base");
    const markup = pageOf({ results, gains: [], models: report.models.slice(0, 1) });
    expect(headings(markup)).not.toContain("What Enhanced adds");
    expect(headings(markup)).toHaveLength(11);
    expect(parsed(markup).querySelector(".lead")?.textContent).toBe(
      "On 10,000 test images, base reaches 93.47 % ± 0.07 (n = 3).",
    );
    expect(markup.replaceAll(/base64,[^"]*/g, "")).not.toMatch(/undefined|NaN|\[object/);
  });

  test("without trained models has no empty sections", () => {
    expect(headings(pageOf({ models: [], gains: [] }))).toEqual([
      "Results",
      "Conclusion",
      "The images",
      "Beside published results",
      "How it was made",
    ]);
  });

  test("of other data than Fashion-MNIST shows no published results", () => {
    const other = { ...studyReport(), isFashionMnist: false, results: studyReport().results.slice(4), gains: [] };
    const text = studyPage(other, studyFigures(other));
    expect(text).not.toMatch(/ResNet18|Fashion-MNIST<\/h1>|published results/);
    expect(text).toContain("Accuracy and cost");
    expect(studyPage(studyReport(), [])).toMatch(/ResNet18[\s\S]*Fashion-MNIST|Fashion-MNIST<\/h1>[\s\S]*ResNet18/);
  });

  test("outside a checkout states that the commit is unknown", () => {
    expect(pageOf({ setting: { ...report.setting, commit: null } })).toContain("not made in a checkout");
  });
});
