import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { expect, test } from "vitest";
import { checkedOutCommit, collectEnvironment } from "../../src/runs/node/environment.ts";
import { formatRunRecord } from "../../src/runs/run-record.ts";
import { nextLine, startChild } from "./support/helpers.ts";
import { sampleRecord } from "./support/samples.ts";

const root = new URL("../../", import.meta.url);
const versionIn = (path: string): unknown => JSON.parse(readFileSync(new URL(path, root), "utf8")).version;

test("the environment has versions, commit, CPU and platform", () => {
  const environment = collectEnvironment();
  expect(environment.versions).toEqual({
    tailor: versionIn("package.json"),
    node: process.version.slice(1),
    onnxruntime: versionIn("node_modules/onnxruntime-node/package.json"),
  });
  expect(environment.commit).toBe(checkedOutCommit(root.pathname));
  expect(environment.cpu.model).toBe(cpus()[0]!.model.trim() || "unknown");
  expect(environment.cpu.cores).toBeGreaterThanOrEqual(1);
  expect(environment.platform).toBe(`${process.platform}-${process.arch}`);
  expect(() => formatRunRecord({ ...sampleRecord, ...environment })).not.toThrow();
});

test("the built files give the same, from another folder, without loading ONNX Runtime", async () => {
  const printed: { environment: unknown; libraries: string[] } = JSON.parse(
    await nextLine(startChild("print-environment.mjs")),
  );
  expect(printed.environment).toEqual(collectEnvironment());
  expect(printed.libraries.length).toBeGreaterThan(0);
  expect(printed.libraries.filter((path) => path.includes("onnxruntime"))).toEqual([]);
});
