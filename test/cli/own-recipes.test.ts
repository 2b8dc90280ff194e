import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { findRecipe } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { put } from "../data/picture-fixtures.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, startTailor, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 480, test: 60 });
const FOLDER = sharedFolder();
const ROOT = resolve(import.meta.dirname, "../..");
/** A process of the command's own: one that has loaded a file before would not see its changes. */
const OWN_PROCESS = { node: [] };
const OPTIONS = ["--data", DATA, "--batch-size", "32", "--threads", "1"];

/** A small recipe as source; `width` and `epochs` are written as they are given. */
function source({ width = "8", epochs = "4", more = "" } = {}): string {
  return `
    import { conv2d, flatten, linear, maxPool2d, relu } from "@tailor-ml/tailor";
    ${more}
    export default {
      name: "mine",
      description: "a test's",
      model: {
        name: "my-net",
        layers: ({ classes }) => [conv2d(${width}, { kernelSize: 3, padding: 1 }), relu(), maxPool2d(4), flatten(), linear(classes)],
      },
      epochs: ${epochs},
      batchSize: 32,
      learningRate: 2e-3,
      schedule: { kind: "constant" },
      optimizer: { kind: "adam" },
      labelSmoothing: 0,
      augmentation: {},
    };`;
}

/** Writes a recipe's file outside of the package. */
function file(name: string, text = source()): string {
  put(FOLDER, { [name]: text });
  return join(FOLDER, name);
}

describe("a recipe in a file", () => {
  test("is trained, evaluated, compared, used and exported like a built-in one", async () => {
    const [recipe, out] = [file("whole.mjs"), join(FOLDER, "whole")];
    const trained = await tailorJson([
      "train",
      recipe,
      ...OPTIONS,
      "--skip-report",
      "--evaluate",
      "test",
      "--out",
      out,
    ]);
    expect(trained).toMatchObject({ recipe: "mine", model: "my-net", epochs: 4 });
    const record = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    // 3x3 kernels and biases, and 7 x 7 x 8 x 10 weights and 10 biases; 28 x 28 x 9 x 8 multiply-adds, and 3920.
    expect(record).toMatchObject({
      recipeFile: recipe,
      recipeName: "mine",
      parameters: 80 + 3930,
      multiplyAdds: 60_368,
    });
    rmSync(recipe);
    expect(await tailorJson(["evaluate", out, "--threads", "1"])).toMatchObject({ total: 60 });
    expect(await tailorJson(["predict", out, resolve(ROOT, "docs/images/preparation.png")])).toMatchObject({
      model: "my-net",
    });
    const base = join(FOLDER, "base");
    await tailorJson(["train", "base", ...OPTIONS, "--skip-report", "--epochs", "1", "--out", base]);
    const { runs } = await tailorJson<{ runs: unknown[] }>(["compare", out, base, "--threads", "1"]);
    expect(runs).toMatchObject([{ recipe: "mine", parameters: 4010, multiplyAdds: 60_368 }, { recipe: "base" }]);
    expect(refusalOf(await tailor(["export", out, "--json"]), 1)).toMatch(
      /has its network from .*whole\.mjs, which is not there any more; put it back/,
    );
    file("whole.mjs");
    const pytorch = join(FOLDER, "pytorch");
    expect(await tailorJson(["export", out, "--format", "pytorch", "--out", pytorch])).toMatchObject({
      imagesFrom: "test",
    });
    expect(readFileSync(join(pytorch, "model.py"), "utf8")).toContain("nn.Conv2d(1, 8, kernel_size=3, padding=1)");
  });

  test("may be JSON with a built-in model", async () => {
    const fields = { ...recipeToJson(findRecipe("tiny")), name: "mine", epochs: 1, batchSize: 32 };
    const recipe = file("mine.json", `\uFEFF${JSON.stringify(fields)}`);
    const out = join(FOLDER, "from-json");
    await tailorJson(["train", recipe, "--data", DATA, "--threads", "1", "--skip-report", "--out", out]);
    const record = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(record).toMatchObject({ recipe: fields, recipeName: "mine", model: "tiny" });
    expect(record).not.toHaveProperty("recipeFile");
    for (const [name, text, message] of [
      ["torn.json", "{", /torn\.json: expected JSON, found something else/],
      [
        "other.json",
        JSON.stringify({ ...fields, model: "vgg" }),
        /other\.json: recipe field "model": expected the name of one of tailor's, found "vgg"; choose one of: base, /,
      ],
      ["none.json", JSON.stringify({ ...fields, model: undefined }), /recipe field "model": .* found nothing/],
      ["list.json", "[]", /list\.json: recipe: expected object, found \[\]/],
      ["ours.json", JSON.stringify({ ...fields, name: "tiny" }), /"tiny" is a recipe of tailor's; choose another name/],
    ] as const) {
      const refused = await tailor(["train", file(name, text), "--data", DATA, "--out", join(FOLDER, "never")]);
      expect(refused.stderr).toMatch(message);
      expect(refused.code).not.toBe(0);
    }
  });

  test("may be TypeScript, and import others", async () => {
    put(FOLDER, { "parts/width.ts": "export const width: number = 6 satisfies number;\n" });
    const typed = source({
      width: "width as number",
      more: 'import { width } from "./parts/width.ts"; import type { Recipe } from "@tailor-ml/tailor";',
    });
    const recipe = file(
      "typed.ts",
      typed.replace("export default {", "const recipe: Recipe = {").concat("\nexport default recipe;"),
    );
    const { layers } = await tailorJson<{ layers: { parameters: number }[] }>(["summary", recipe]);
    expect(layers[0]).toMatchObject({ name: "conv1", outputShape: [6, 28, 28], parameters: 60 });
  });

  test("works with bench and --seeds, which detects a changed network", THOROUGH, async () => {
    const recipe = file("many.mjs", source({ epochs: "1" }));
    const bench = await tailorJson<{ results: unknown[] }>([
      "bench",
      "train",
      "--models",
      `${recipe},base`,
      "--steps",
      "2",
      "--batch-size",
      "8",
      "--data",
      DATA,
    ]);
    expect(bench.results).toMatchObject([{ model: "my-net" }, { model: "base" }]);
    const args = ["train", recipe, ...OPTIONS, "--out", join(FOLDER, "many"), "--seeds"];
    expect(await tailorJson([...args, "2"])).toMatchObject({ recipe: "mine", accuracy: { n: 2 } });
    file("many.mjs", source({ epochs: "1", width: "9" }));
    expect(refusalOf(await tailor([...args, "3", "--json"], OWN_PROCESS), 2)).toMatch(
      /many\/s1 holds another run .*: its network "my-net" is another one/,
    );
  });
});

describe("an interrupted run of a file", () => {
  const EPOCHS = "40"; // Enough that it is still running when it is interrupted.
  const interrupted = async (name: string) => {
    const [recipe, out] = [file(`${name}.mjs`, source({ epochs: EPOCHS })), join(FOLDER, name)];
    const started = startTailor(["train", recipe, ...OPTIONS, "--out", out]);
    await started.hasSaid(`epoch  2/${EPOCHS}`);
    started.child.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    return { recipe, out };
  };

  test("is resumed to the weights of an uninterrupted one, although everything except the network has changed", async () => {
    const { out } = await interrupted("edited");
    file("edited.mjs", source({ epochs: "3", width: "4 + 4", more: "// more words" }));
    const resumed = await tailorJson<{ weightsSha256: string }>(["train", "--resume", out, "--threads", "1"]);
    expect(resumed).toMatchObject({ epochs: Number(EPOCHS) });
    const whole = await tailorJson([
      "train",
      file("uninterrupted.mjs", source({ epochs: EPOCHS })),
      ...OPTIONS,
      "--out",
      join(FOLDER, "uninterrupted"),
    ]);
    expect(resumed.weightsSha256).toBe(whole.weightsSha256);
  });

  test("is refused when the network has changed or the file is missing; nothing is lost", THOROUGH, async () => {
    const { recipe, out } = await interrupted("changed");
    const state = readFileSync(join(out, "state.safetensors"));
    file("changed.mjs", source({ epochs: EPOCHS, width: "10" }));
    const refused = refusalOf(await tailor(["train", "--resume", out, "--json"], OWN_PROCESS), 1);
    expect(refused).toMatch(/changed\.mjs has changed since .*changed began: its network is another one\. Put it back/);
    rmSync(recipe);
    expect(refusalOf(await tailor(["train", "--resume", out, "--json"], OWN_PROCESS), 1)).toMatch(
      /changed\.mjs, which is not there any more/,
    );
    expect(readFileSync(join(out, "state.safetensors"))).toEqual(state);
    file("changed.mjs", source({ epochs: EPOCHS }));
    expect(await tailorJson(["train", "--resume", out, "--threads", "1"], OWN_PROCESS)).toMatchObject({
      epochs: Number(EPOCHS),
    });
  });
});

describe("invalid files are refused, with name and reason", () => {
  test.each<[string, string, 1 | 2, RegExp]>([
    ["syntax.mjs", "export default {", 1, /syntax\.mjs cannot be run: /],
    [
      "throws.mjs",
      'throw new Error("no luck");',
      1,
      /throws\.mjs cannot be run: no luck \(file:.*throws\.mjs:1:7\)\n$/,
    ],
    [
      "import.mjs",
      'import "./nowhere.mjs"; export default {};',
      1,
      /import\.mjs cannot be run: Cannot find module .*nowhere\.mjs/,
    ],
    [
      "enum.ts",
      "enum Size { Small } export default Size;",
      1,
      /enum\.ts cannot be run: TypeScript enum is not supported in strip-only mode \(.*enum\.ts:1:1\)/,
    ],
    ["empty.mjs", "export const recipe = {};", 2, /empty\.mjs has no default export/],
    ["field.mjs", source({ epochs: '"4"' }), 2, /field\.mjs: recipe field "epochs": .*expected number/],
    [
      "shape.mjs",
      source({ width: "0" }),
      2,
      /shape\.mjs: model "my-net": layers\(\) failed: conv2d: .* must be a whole number from 1 up, got 0/,
    ],
  ])("%s", async (name, text, code, message) => {
    const result = await tailor(["train", file(name, text), ...OPTIONS, "--out", join(FOLDER, "never"), "--json"]);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/defect|^\s+at /m);
  });

  test("a missing file is refused; for an argument that is neither recipe nor file the error lists what is possible", async () => {
    expect(refusalOf(await tailor(["train", "./none.mjs", "--json"]), 2)).toMatch(/^there is no file .*none\.mjs$/);
    expect(refusalOf(await tailor(["train", "bse", "--json"]), 2)).toMatch(
      /there is no recipe "bse"; choose one of: base, .*\.\/my-recipe\.mjs or \.\/best\.json$/,
    );
  });
});

describe("examples in the docs", () => {
  test("examples/small-resnet.ts trains, and learns within a few steps", THOROUGH, async () => {
    const out = join(FOLDER, "example");
    const example = join(ROOT, "examples/small-resnet.ts");
    const trained = await tailorJson<{ trainLoss: number; validationAccuracy: number }>([
      "train",
      example,
      ...OPTIONS,
      "--epochs",
      "4",
      "--out",
      out,
    ]);
    expect(trained).toMatchObject({ recipe: "small-resnet", model: "small-resnet", epochs: 4 });
    expect(trained.trainLoss).toBeLessThan(2);
    expect(trained.validationAccuracy).toBeGreaterThan(0.3);
  });

  test("examples/own-layer.ts trains layers that the package does not have", async () => {
    const out = join(FOLDER, "own-layer");
    const example = join(ROOT, "examples/own-layer.ts");
    const trained = await tailorJson(["train", example, ...OPTIONS, "--epochs", "1", "--skip-report", "--out", out]);
    expect(trained).toMatchObject({ recipe: "gated", model: "gated", epochs: 1 });
    const { layers } = await tailorJson<{ layers: { name: string; parameters: number }[] }>(["summary", example]);
    const counted = layers.filter(({ parameters }) => parameters > 0).map(({ name, parameters }) => [name, parameters]);
    expect(counted).toEqual([
      ["gated1", 2 * (16 * 9 + 16)],
      ["gated2", 2 * (32 * 16 * 9 + 32)],
      ["fc1", 32 * 10 + 10],
      ["temperature1", 1],
    ]);
  });

  test("docs/own-models.md's recipe is valid", async () => {
    const [, code] = /```js\n(.*?)```/s.exec(readFileSync(join(ROOT, "docs/own-models.md"), "utf8")) ?? [];
    const { model, parameters } = await tailorJson<{ model: string; parameters: number }>([
      "summary",
      file("doc.mjs", code),
    ]);
    expect(model).toBe("mine");
    expect(parameters).toBeGreaterThan(1000);
  });
});
