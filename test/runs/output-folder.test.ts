import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openOutputFolder } from "../../src/runs/node/output-folder.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { userErrorOf } from "./support/helpers.ts";

const FOLDER = sharedFolder();
const MARKER = "study.json";

test("begin creates a new folder with its parents and its marker; files may be in subfolders", () => {
  const path = join(FOLDER, "a/b");
  const folder = openOutputFolder(path, MARKER);
  expect(existsSync(join(FOLDER, "a"))).toBe(false);
  folder.begin();
  expect(readFileSync(join(path, "study.json"), "utf8")).toBe('{"status":"running"}\n');
  expect(folder.write("plots/one.svg", "<svg/>")).toBe(join(path, "plots/one.svg"));
  expect(folder.write("report.html", "one")).toBe(join(path, "report.html"));
  folder.write("report.html", "two");
  expect(readFileSync(join(path, "report.html"), "utf8")).toBe("two");
  expect(readdirSync(path).sort()).toEqual(["plots", "report.html", "study.json"]);
});

test("an existing output folder is reopened; its marker is unchanged until begin", () => {
  const path = join(FOLDER, "again");
  openOutputFolder(path, MARKER).finish({ accuracy: 0.5 });
  const marker = () => JSON.parse(readFileSync(join(path, "study.json"), "utf8"));
  const folder = openOutputFolder(path, MARKER);
  expect(marker()).toEqual({ status: "finished", accuracy: 0.5 });
  folder.begin();
  expect(marker()).toEqual({ status: "running" });
  folder.begin({ split: "test" });
  expect(marker()).toEqual({ status: "running", split: "test" });
});

test("a folder with other contents, or a file, is refused and not changed", () => {
  const photos = join(FOLDER, "photos");
  mkdirSync(photos);
  writeFileSync(join(photos, "cat.png"), "cat");
  const error = userErrorOf(() => openOutputFolder(photos, MARKER));
  expect(error.message).toMatch(/photos is not empty and has no study\.json; choose a new or empty folder with `out`/);
  expect(error.exitCode).toBe(2);
  expect(readdirSync(photos)).toEqual(["cat.png"]);
  expect(userErrorOf(() => openOutputFolder(join(photos, "cat.png"), MARKER)).message).toMatch(/is a file/);
  expect(existsSync(join(photos, "study.json"))).toBe(false);
});

test("an empty folder is accepted", () => {
  const path = join(FOLDER, "empty");
  mkdirSync(path);
  openOutputFolder(path, MARKER).begin();
  expect(readdirSync(path)).toEqual(["study.json"]);
});
