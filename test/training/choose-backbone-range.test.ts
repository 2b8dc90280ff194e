import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import type { GraphWriter } from "../../src/onnx/graph-writer.ts";
import { transfer } from "../../src/recipes/transfer.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { chooseBackboneRange } from "../../src/training/node/choose-backbone-range.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { putShapes } from "../data/picture-fixtures.ts";
import { otherNetwork } from "./support/backbones.ts";
import { sharedFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const SPLIT = { trainOn: "split", limit: null } as const;
const MACHINE = { threads: 1, runtime: nodeRuntime, report: () => {} };
await putShapes(join(FOLDER, "shapes"), { classes: 3, images: 30 });
const DATA = await loadCustomData(join(FOLDER, "shapes"), { size: 16 });

type Features = (writer: GraphWriter, x: string) => string;
const pooled: Features = (writer, x) => writer.node("Flatten", [writer.node("GlobalAveragePool", [x])]);

async function recipeOn(name: string, features: Features) {
  const file = join(FOLDER, name);
  writeFileSync(file, otherNetwork({ features }));
  const { backbone, isRangeSupposed } = await openBackbone(file, MACHINE);
  expect(isRangeSupposed).toBe(true);
  return transfer(backbone, { views: 2 });
}

test("a network that needs pixels of 0 to 255 gets them: in the other ranges its features are all the same", async () => {
  const recipe = await recipeOn("steps.onnx", (writer, x) =>
    pooled(writer, writer.node("Floor", [writer.node("Div", [x, writer.scalar(32)])])),
  );
  const chosen = await chooseBackboneRange(recipe, DATA, SPLIT, MACHINE);
  expect(chosen.range).toBe("0-255");
  const losses = new Map(chosen.tried.map(({ range, loss }) => [range, loss]));
  expect([...losses.keys()]).toEqual(["imagenet", "0-1", "-1-1", "0-255"]);
  expect(losses.get("0-255")).toBeLessThan(0.5);
  for (const other of ["imagenet", "0-1", "-1-1"] as const) expect(losses.get(other)).toBeCloseTo(Math.log(3), 2);
  const { input } = recipe.backbone!;
  const range = { mean: [0, 0, 0], standardDeviation: [1 / 255, 1 / 255, 1 / 255] };
  expect(chosen.recipe).toEqual({ ...recipe, backbone: { ...recipe.backbone, input: { ...input, ...range } } });
});

test("a range whose features are not finite is not chosen", async () => {
  const recipe = await recipeOn("growing.onnx", (writer, x) => pooled(writer, writer.node("Exp", [x])));
  const { range, tried } = await chooseBackboneRange(recipe, DATA, SPLIT, MACHINE);
  expect(tried.find((one) => one.range === "0-255")).toEqual({ range: "0-255", loss: null });
  expect(range).not.toBe("0-255");
  expect(tried.filter(({ loss }) => loss !== null)).toHaveLength(3);
});

test("one that is finite in no range is refused", async () => {
  const recipe = await recipeOn("endless.onnx", (writer, x) =>
    pooled(writer, writer.node("Div", [writer.node("Exp", [x]), writer.scalar(0)])),
  );
  await expect(chooseBackboneRange(recipe, DATA, SPLIT, MACHINE)).rejects.toThrow(/endless\.onnx.*finite/);
});

test("without validation images nothing is chosen", async () => {
  const recipe = await recipeOn("plain.onnx", pooled);
  const all = { trainOn: "all", limit: null } as const;
  expect(await chooseBackboneRange(recipe, DATA, all, MACHINE)).toEqual({ recipe, range: null, tried: [] });
});
