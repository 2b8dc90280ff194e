import { expect, test } from "vitest";
import { differingFile } from "../../src/data/differing-file.ts";

const FILES = ["a", "b", "c"].map((name, i) => ({ name, bytes: 1, sha256: String(i).repeat(64) }));
const [a, b, c] = FILES;

test("the same files are the same in any order", () => {
  expect(differingFile({ files: FILES }, FILES.toReversed())).toBeUndefined();
});

test.each([
  ["of another checksum", [a!, { ...b!, sha256: c!.sha256 }, c!], "b"],
  ["that the data has not", [a!, b!, c!, { ...a!, name: "d" }], "d"],
  ["that only the data has", [a!, c!], "b"],
  ["where the run names none", [], "a"],
])("a file %s is named", (_, files, name) => {
  expect(differingFile({ files: FILES }, files)).toBe(name);
});
