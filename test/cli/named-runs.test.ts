import { expect, test } from "vitest";
import { sharedFolder } from "../../src/cli/named-runs.ts";

test.each([
  [["study/runs/base-s1", "study/runs/enhanced-s1"], "study/runs", ["base-s1", "enhanced-s1"]],
  [["/a/runs/base/s1", "/a/runs/mine/s1"], "/a/runs", ["base/s1", "mine/s1"]],
  [["/one", "/two"], "/", ["one", "two"]],
  // A run below another keeps a name, as the other does.
  [["runs/a", "runs/a/more"], "runs", ["a", "a/more"]],
  [["a", "b"], undefined, ["a", "b"]],
  [["runs/a", "other/a"], undefined, ["runs/a", "other/a"]],
  [["runs/only"], undefined, ["runs/only"]],
])("the folder that all of %j are in", (runs, folder, names) => {
  const shared = sharedFolder(runs);
  expect(shared.folder).toBe(folder);
  expect(runs.map(shared.nameOf)).toEqual(names);
});
