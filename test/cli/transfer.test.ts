/** `train transfer`: a head on the features of a pretrained network, a run like any other. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { photos } from "../../src/recipes/index.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { ort } from "../../src/runtime/node/ort.ts";
import { type BackboneRange, openBackbone } from "../../src/training/node/open-backbone.ts";
import { put, putShapes } from "../data/picture-fixtures.ts";
import { THOROUGH } from "../support/thorough.ts";
import { OCR_CLASSIFIER, otherNetwork } from "../training/support/backbones.ts";
import { expectSameRun } from "../training/support/same-run.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { refusalOf, startTailor, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
const [DATA, NET, RUN] = [join(FOLDER, "shapes"), join(FOLDER, "net.onnx"), join(FOLDER, "run")];
const ARGS = ["train", "transfer", "--backbone", NET, "--backbone-range", "0-1", "--data", DATA, "--threads", "1"];
const INTERRUPTED = 130;

beforeAll(async () => {
  await putShapes(DATA, { classes: 3, images: 30 });
  // Random weights: their features still tell colours apart.
  put(FOLDER, { "net.onnx": otherNetwork() });
});

test("is trained, evaluated, used and reported; its one file holds everything from the pixels on", async () => {
  const made = await tailor([...ARGS, "--out", RUN, "--evaluate", "test"]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain(`backbone ${NET}: 8 features at`);
  expect(made.stderr).toMatch(/weight decay [\d.]+, chosen by the validation loss \(0\.3: /);
  expect(made.stdout).toMatch(/test accuracy ([89]\d|100)\.\d+ %/);
  expect(made.stderr).toContain(
    "to fit them takes 50 validation images, here are 9. Until then every picture gets a class",
  );
  const page = readFileSync(join(RUN, "report.html"), "utf8");
  expect(page).toContain("train recipe.json");
  expect(page).toContain("&quot;backbone&quot;");
  const record = readRunRecord(RUN);
  expect(record).toMatchObject({
    recipeName: "transfer",
    parameters: 8 * 3 + 3,
    multiplyAdds: 8 * 7 * 7 * 27 + 8 * 3,
    data: { image: { channels: 3, height: 16, width: 16 } },
    recipe: { backbone: { file: NET, features: 8 } },
  });

  // The backbone is in the file: the run needs no other.
  const picture = join(DATA, "shape 1/3.jpg");
  const { predictions } = await tailorJson<{ predictions: { label: string; probabilities?: unknown }[] }>([
    "predict",
    RUN,
    picture,
    join(DATA, "shape 2/3.jpg"),
  ]);
  expect(predictions.map(({ label }) => label)).toEqual(["shape 1", "shape 2"]);

  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(join(RUN, "model.onnx"));
  const pixels = Float32Array.from({ length: 2 * 3 * 256 }, (_, i) => (i * 31) % 256);
  const feeds = { pixels: new Tensor("float32", pixels, [2, 3, 16, 16]) };
  const { logits, probabilities } = await session.run(feeds);
  await session.release();
  const temperature = record.result?.confidence?.temperature ?? 1;
  const exponentials = [...(logits!.data as Float32Array)].map((logit) => Math.exp(logit / temperature));
  const shares = exponentials.map((one, i) => {
    const first = i - (i % 3);
    return one / (exponentials[first]! + exponentials[first + 1]! + exponentials[first + 2]!);
  });
  expect(probabilities!.data).toBeClose(shares, { tolerance: 1e-5 });
});

test("starts from a network that others trained for another task", THOROUGH, async () => {
  const out = join(FOLDER, "ocr");
  const of = ["--backbone", OCR_CLASSIFIER, "--backbone-range", "-1-1", "--size", "48"];
  const options = ["--data", DATA, "--threads", "1", "--skip-report", "--evaluate", "test", "--out", out];
  const made = await tailor(["train", "transfer", ...of, ...options]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(/: 200 features at "reshape2_0\.tmp_0", of 3x48x48 images; pixels: -1-1/);
  expect(made.stdout).toMatch(/test accuracy ([89]\d|100)\.\d+ %/);
  expect(made.stderr).toContain(
    "to fit them takes 50 validation images, here are 9. Until then every picture gets a class",
  );
  const { predictions } = await tailorJson<{ predictions: { label: string }[] }>([
    ...["predict", out, join(DATA, "shape 0/3.jpg")],
  ]);
  expect(predictions[0]!.label).toBe("shape 0");
});

test(
  "with a hidden layer and views of its pictures it is stopped and resumed to the same weights; without its backbone's file it cannot be",
  THOROUGH,
  async () => {
    const out = join(FOLDER, "stopped");
    const args = [...ARGS, "--hidden", "6", "--views", "3", "--skip-report", "--epochs", "400"];
    const { child, ended, hasSaid } = startTailor([...args, "--out", out]);
    await hasSaid(/epoch +1\/400/);
    child.kill("SIGINT");
    expect((await ended).code).toBe(INTERRUPTED);
    put(FOLDER, { "net.onnx": otherNetwork({ metadata: { changed: "yes" } }) });
    expect(refusalOf(await tailor(["train", "--resume", out]), 1)).toMatch(/net\.onnx has changed since the run began/);
    put(FOLDER, { "net.onnx": otherNetwork() });
    const resumed = await tailor(["train", "--resume", out, "--skip-report", "--threads", "1"]);
    expect(resumed.code, resumed.stderr).toBe(0);
    const through = join(FOLDER, "through");
    await tailorJson([...args, "--out", through]);
    expectSameRun(out, through);
    const record = readRunRecord(out);
    expect(record).toMatchObject({
      parameters: 8 * 6 + 6 + 6 * 3 + 3,
      recipe: { hidden: 6, views: { count: 3, seed: 1 }, augmentation: photos.augmentation },
    });
    // The pictures themselves are what is counted and evaluated.
    expect(record.data.trainImages).toBe(readRunRecord(RUN).data.trainImages);
    const { accuracy } = await tailorJson<{ accuracy: number }>(["evaluate", out]);
    expect(accuracy).toBeGreaterThan(0.5);
    const extended = join(FOLDER, "extended");
    await tailorJson([
      "train",
      "--extend",
      out,
      "--epochs",
      "401",
      "--skip-report",
      "--threads",
      "1",
      "--out",
      extended,
    ]);
    expect(readRunRecord(extended).recipe).toMatchObject({ epochs: 401, hidden: 6, views: { count: 3 } });
  },
);

test("without --backbone-range the range of its pixels is chosen by validation loss, in sweep and lr-find too", async () => {
  const { stderr } = await tailor([
    ...["train", "transfer", "--backbone", NET, "--data", DATA, "--threads", "1", "--epochs", "2", "--skip-report"],
    ...["--out", join(FOLDER, "ranged")],
  ]);
  const chosen =
    /pixels: (.+), chosen by the validation loss, as the file does not say \(imagenet: [\d.]+, 0-1: .*--backbone-range gives another/;
  expect(stderr).toMatch(chosen);
  const range = chosen.exec(stderr)![1]!;
  const { backbone } = await openBackbone(NET, { range: range as BackboneRange, threads: 1, report: () => {} });
  expect(readRunRecord(join(FOLDER, "ranged")).recipe.backbone).toEqual(backbone);
  const others = [
    ["sweep", "transfer", "--over", "hidden=2,3", "--epochs", "1", "--out", join(FOLDER, "ranged-sweep")],
    ["lr-find", "transfer", "--steps", "3", "--out", join(FOLDER, "ranged-search")],
  ];
  for (const args of others) {
    const made = await tailor([...args, "--backbone", NET, "--data", DATA, "--threads", "1"]);
    expect(chosen.exec(made.stderr)?.[1], made.stderr).toBe(range);
  }
  const all = await tailor([
    ...["train", "transfer", "--backbone", NET, "--data", DATA, "--threads", "1", "--epochs", "2", "--skip-report"],
    ...["--train-on", "all", "--out", join(FOLDER, "ranged-all")],
  ]);
  expect(all.stderr).toContain("pixels: imagenet, supposed, as neither the file says it nor validation images can");
});

test("its weight decay can be swept, its best recipe be trained, and seeds have one recipe", async () => {
  const out = join(FOLDER, "sweep");
  const { best } = await tailorJson<{ best: { recipe: string; changes: Record<string, number> } }>([
    ...["sweep", ...ARGS.slice(1), "--over", "optimizer.weightDecay=0.01,1", "--epochs", "3", "--out", out],
  ]);
  const saved = JSON.parse(readFileSync(best.recipe, "utf8"));
  expect(saved).toMatchObject({
    optimizer: { weightDecay: best.changes["optimizer.weightDecay"] },
    backbone: { file: NET },
  });
  const again = join(FOLDER, "best");
  await tailorJson(["train", best.recipe, "--data", DATA, "--threads", "1", "--skip-report", "--out", again]);
  expect(readRunRecord(again).recipe).toMatchObject({ backbone: { features: 8 } });
  const widths = join(FOLDER, "widths");
  const swept = await tailorJson<{ best: { recipe: string; changes: { hidden: number } } }>([
    ...["sweep", ...ARGS.slice(1), "--views", "2", "--over", "hidden=2,5", "--epochs", "2", "--out", widths],
  ]);
  const widest = JSON.parse(readFileSync(swept.best.recipe, "utf8"));
  // Chosen as a training does, for all candidates.
  expect(widest).toMatchObject({ hidden: swept.best.changes.hidden, optimizer: { weightDecay: expect.any(Number) } });
  const trained = join(FOLDER, "widest");
  await tailorJson(["train", swept.best.recipe, "--data", DATA, "--threads", "1", "--skip-report", "--out", trained]);
  expect(readRunRecord(trained).parameters).toBe((8 + 1 + 3) * widest.hidden + 3);
  const seeds = await tailor([
    ...ARGS,
    "--seeds",
    "2",
    "--epochs",
    "2",
    "--skip-report",
    "--out",
    join(FOLDER, "seeds"),
  ]);
  expect(seeds.code, seeds.stderr).toBe(0);
});

describe("is refused", () => {
  test.each<[string, string[], RegExp]>([
    ["with another recipe", ["train", "tiny", "--backbone", "x.onnx"], /--backbone is for the recipe transfer/],
    [
      "with a hidden layer of another recipe",
      ["train", "tiny", "--hidden", "8"],
      /--hidden is for the recipe transfer/,
    ],
    ["with too many views", [...ARGS, "--views", "33"], /--views must be a whole number from 1 to 32/],
    ["when resumed", ["train", "--resume", "x", "--backbone", "y.onnx"], /leave out --backbone/],
    ["on images of another size", [...ARGS.slice(0, 6)], /the images are 1x28x28, but the backbone takes 3x16x16/],
  ])("%s", async (_, args, message) => {
    expect(refusalOf(await tailor(args), 2)).toMatch(message);
  });

  test("without a network, with what to do", async () => {
    const env = { HF_HUB_OFFLINE: "1", HF_HUB_CACHE: join(FOLDER, "empty") };
    const refused = await tailor(["train", "transfer", "--data", DATA], { env });
    expect(refusalOf(refused, 1)).toMatch(/HF_HUB_OFFLINE forbids .*name the ONNX file of one with --backbone/);
  });

  test("as PyTorch code, which its backbone is not; as ONNX the run's own file is copied", async () => {
    const exported = join(FOLDER, "exported.onnx");
    expect(await tailorJson(["export", RUN, "--out", exported])).toEqual({
      ...{ run: RUN, file: exported, format: "onnx", maxLogitDifference: null, images: 0, imagesFrom: null },
    });
    expect(readFileSync(exported)).toEqual(readFileSync(join(RUN, "model.onnx")));
    expect(refusalOf(await tailor(["export", RUN, "--out", exported]), 2)).toContain("--force");

    expect(refusalOf(await tailor(["export", RUN, "--format", "pytorch", "--out", join(FOLDER, "torch")]), 1)).toMatch(
      /holds only the head of the network/,
    );
    rmSync(join(FOLDER, "torch"), { recursive: true, force: true });
  });
});
