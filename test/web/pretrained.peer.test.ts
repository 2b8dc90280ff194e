/** A pretrained network of the server's, with pictures from the camera and from files: trained, tried and downloaded in the browser. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import { ort } from "../../src/runtime/node/ort.ts";
import type { RunSummary } from "../../src/server/api-types.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { put } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { jsonOf, start } from "../server/support/running-server.ts";
import { needChromium } from "../support/chromium.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { cardOf, drop, many, striped } from "./own-pictures-support.ts";
import { openPage } from "./support.ts";

const SIZE = 32;
const folder = sharedFolder();
put(folder, { "small.onnx": otherNetwork({ size: SIZE }) });
const { backbone } = await openBackbone(join(folder, "small.onnx"), { range: "0-1", threads: 1, report: () => {} });
beforeEach(needChromium);

/** An answer of the page's classifier, as its worker sent it. */
interface HeardAnswer {
  readonly pixels: number[];
  readonly probabilities: number[];
}

/** Keeps the last answer of a worker of the page. */
function listenToWorkers(): void {
  const Original = Worker;
  globalThis.Worker = class extends Original {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener("message", ({ data }) => {
        if (data.value?.probabilities) Object.assign(globalThis, { lastAnswer: data.value });
      });
    }
  };
}

test("pictures of the camera and of files are told apart in seconds; the file gives the page's probabilities", async () => {
  const { url } = await start({ backbones: [backbone] });
  const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  const { page, context, complaints, addresses } = await openPage(`${url}/#/`, { args });
  await page.addInitScript(listenToWorkers);
  await page.goto(`${url}/#/train/pictures`);
  await page.reload();
  const sent: string[] = [];
  context.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  // It is what is trained unless something else is chosen.
  expect(await page.getByRole("radio", { name: /^transfer from small/ }).isChecked()).toBe(true);

  await page.getByRole("button", { name: "Camera for Class 1" }).click();
  const hold = page.getByRole("button", { name: "Hold to record" });
  await page.locator('.recorder button[aria-disabled="false"]').waitFor();
  await hold.focus();
  await page.keyboard.down("Space");
  await cardOf(page, 0).locator(".thumbnails canvas").nth(7).waitFor();
  await page.keyboard.up("Space");
  await page.getByRole("button", { name: "Camera for Class 1" }).click();
  await drop(cardOf(page, 1).locator(".drop"), await many("level", 8));
  await page.getByText(/^small has seen (\d+) of \1 pictures\.$/).waitFor();

  await page.getByLabel("Epochs", { exact: true }).fill("60");
  // The features of random weights differ little.
  await page.getByText("More settings").click();
  await page.getByLabel("Learning rate", { exact: true }).fill("0.1");
  await page.getByRole("button", { name: "Start training" }).click();
  // However many pictures the camera has recorded by then.
  await page.getByText(/of the test images right: (\d+) of \1,/).waitFor();
  await page.getByText("Webcam", { exact: true }).click();
  await page.locator(".try .probabilities .first", { hasText: "Class 1" }).waitFor();
  await page.getByText("A photo", { exact: true }).click();
  const { name, bytes } = await striped("level", 14);
  await page.getByLabel("Choose a photo").setInputFiles({ name, mimeType: "image/png", buffer: bytes });
  await page.locator(".look .first", { hasText: "Class 2" }).waitFor();
  await page.getByText("occluding the strongest patch").waitFor();

  const { pixels, probabilities } = await page.evaluate((): HeardAnswer => {
    const { lastAnswer } = globalThis as unknown as { lastAnswer: { pixels: Uint8Array; probabilities: Float32Array } };
    return { pixels: [...lastAnswer.pixels], probabilities: [...lastAnswer.probabilities] };
  });
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "ONNX model" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("transfer-s1.onnx");
  const file = await download.path();
  expect(readModelMetadata(readFileSync(file), file)).toMatchObject({
    classNames: ["Class 1", "Class 2"],
    preparation: { kind: "fit", fit: "crop" },
  });
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(file);
  const input = new Tensor("float32", Float32Array.from(pixels), [1, 3, SIZE, SIZE]);
  const results = await session.run({ pixels: input });
  await session.release();
  expect(results.probabilities!.data).toBeClose(probabilities, { tolerance: 1e-5 });
  expect(sent).toEqual([]);
  expect(addresses.filter((address) => address.endsWith("/model.onnx"))).toEqual([
    `${url}/api/backbones/small/model.onnx`,
  ]);
  expect(complaints).toEqual([]);
});

test("a network that does not arrive is reported, and fetched again on request", async () => {
  const { url } = await start({ backbones: [backbone] });
  const { page } = await openPage(`${url}/#/train/pictures`);
  const model = "**/api/backbones/small/model.onnx";
  await page.route(model, (route) => route.abort());
  await page.getByRole("radio", { name: /^transfer from small/ }).waitFor();
  await drop(cardOf(page, 0).locator(".drop"), await many("upright", 2));
  const report = page.getByRole("alert");
  await report.getByText("small does not run here").waitFor();
  await drop(cardOf(page, 1).locator(".drop"), await many("level", 2));
  await cardOf(page, 1).getByText("2 pictures").waitFor();
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("The features of the pictures could not be computed").waitFor();
  await page.unroute(model);
  await report.getByRole("button", { name: "Try again" }).click();
  await page.getByText("small has seen 4 of 4 pictures.").waitFor();
  await page.getByLabel("Epochs", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("Trained, but not tested").waitFor();
});

test("the pictures are sent to the server on request, and trained on there", async () => {
  const runs = join(temporaryFolder(), "runs");
  const { url } = await start({ runs, backbones: [backbone] });
  const { page, complaints } = await openPage(`${url}/#/train/pictures`);
  const send = page.getByRole("button", { name: "Send the pictures and train on the server" });
  await send.click();
  await page.getByRole("alert").getByText("too few: Class 1 (0), Class 2 (0)").waitFor();
  for (const [place, kind] of (["upright", "level"] as const).entries()) {
    await drop(cardOf(page, place).locator(".drop"), await many(kind, 4));
    await cardOf(page, place).getByText("4 pictures").waitFor();
  }
  await page.getByLabel("Epochs", { exact: true }).fill("3");
  await send.click();
  await page.getByRole("heading", { level: 1, name: /^transfer/ }).waitFor();
  await page.getByText("finished", { exact: true }).first().waitFor();
  const { runs: made } = await jsonOf<{ runs: RunSummary[] }>(fetch(`${url}/api/runs`));
  expect(made).toMatchObject([{ recipe: "transfer", epochs: 3, status: "finished", classes: ["Class 1", "Class 2"] }]);
  expect(complaints).toEqual([]);
});
