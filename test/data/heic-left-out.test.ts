/** HEIC pictures where their decoder is not installed. */
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { imageFilesOf } from "../../src/cli/images.ts";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { FLAG_HEIC } from "../formats/heic-fixtures.ts";
import { temporaryFolder } from "./fixtures.ts";
import { put, putClasses } from "./picture-fixtures.ts";

vi.mock("../../src/formats/node/heic.ts", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  canDecodeHeic: () => false,
}));

const ADVICE = "to read it, run: npm install libheif-js; or convert it to JPEG";

test("training leaves them out and says what to do, also of those without an ending", async () => {
  const folder = await temporaryFolder();
  await putClasses(folder, { a: 20, b: 20 });
  put(folder, { "a/1.HEIC": FLAG_HEIC, "b/without": FLAG_HEIC });
  const lines: string[] = [];
  await loadCustomData(folder, {}, (line) => lines.push(line));
  expect(lines.slice(1)).toEqual([
    "1 other file is left out: b/without",
    `1 HEIC picture is left out: a/1.HEIC; ${ADVICE}`,
  ]);
});

test("a class that holds only them is refused, and a folder of nothing else to predict", async () => {
  const folder = await temporaryFolder();
  await putClasses(folder, { a: 3, b: 3 });
  put(folder, { "fox/1.heic": "", "fox/2.heif": "" });
  const them = ADVICE.replaceAll(" it", " them");
  await expect(loadCustomData(folder)).rejects.toThrow(
    `a class folder without pictures: "fox"; add some, or remove it\n2 HEIC pictures are left out, such as ${join(folder, "fox/1.heic")}, ${join(folder, "fox/2.heif")}; ${them}`,
  );
  expect(() => imageFilesOf(join(folder, "fox"))).toThrow(
    `2 HEIC pictures are left out, such as ${join(folder, "fox/1.heic")}`,
  );
});

test("so is a data folder of nothing else", async () => {
  const folder = await temporaryFolder();
  put(folder, { "a/1.heic": FLAG_HEIC, "a/2.heic": FLAG_HEIC, "b/1.heic": FLAG_HEIC, "b/2.heic": FLAG_HEIC });
  await expect(loadCustomData(folder)).rejects.toThrow("npm install libheif-js");
});

test("so are loose ones, and those that a table names", async () => {
  const folder = await temporaryFolder();
  put(folder, { "1.heic": FLAG_HEIC, "2.heic": FLAG_HEIC, "3.heic": FLAG_HEIC });
  await expect(loadCustomData(folder)).rejects.toThrow("npm install libheif-js");
  put(folder, { "labels.csv": "file,label\n1.heic,a\n2.heic,b\n3.heic,a\n" });
  await expect(loadCustomData(folder)).rejects.toThrow("npm install libheif-js");
});
