/** Training on the user's own pictures, which stay in the browser. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { readModelMetadata } from "../../src/formats/model-metadata.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { start } from "../server/support/running-server.ts";
import { needChromium } from "../support/chromium.ts";
import { cardOf, drop, dropFromDisk, many, striped } from "./own-pictures-support.ts";
import { openPage } from "./support.ts";

beforeEach(needChromium);

test("dropped pictures of two kinds are trained on, and new ones of each kind are recognised; nothing is sent", async () => {
  const { url } = await start();
  const { page, addresses, context, complaints } = await openPage(`${url}/#/train/pictures`);
  const sent: string[] = [];
  context.on("request", (request) => request.method() !== "GET" && sent.push(request.url()));
  const startButton = page.getByRole("button", { name: "Start training" });
  await startButton.click();
  const refusal = "Each class needs at least 2 pictures; too few: Class 1 (0), Class 2 (0).";
  await page.getByRole("alert").getByText(refusal).waitFor();

  for (const [place, kind] of (["upright", "level"] as const).entries()) {
    await cardOf(page, place).getByLabel("Name", { exact: true }).fill(kind);
    const broken = { name: "letter.png", bytes: Buffer.from("no picture") };
    await drop(cardOf(page, place).locator(".drop"), [...(await many(kind, 12)), ...(place === 0 ? [broken] : [])]);
    await cardOf(page, place).getByText("12 pictures").waitFor();
    expect(await cardOf(page, place).locator(".thumbnails canvas").count()).toBe(12);
  }
  await page.getByText("1 of 25 files left out").waitFor();
  await page.getByText("Their names").click();
  expect(await page.locator(".notice li").allInnerTexts()).toEqual(["letter.png"]);
  // One is removed by keyboard; the focus stays among the pictures.
  await page.getByRole("button", { name: "Remove upright 3.png" }).press("Enter");
  await cardOf(page, 0).getByText("11 pictures").waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Remove upright 4.png");

  await page.getByRole("radio", { name: /^tiny/ }).check();
  await page.getByLabel("Epochs", { exact: true }).fill("30");
  await startButton.click();
  // Of 11 and 12 one each tests, and one each validates.
  await page.getByText("of the test images right: 2 of 2").waitFor();
  expect(await page.getByRole("img", { name: "tiny: accuracy by epoch" }).count()).toBe(1);
  for (const kind of ["upright", "level"] as const) {
    const { name, bytes } = await striped(kind, 14);
    await page.getByLabel("Choose a photo").setInputFiles({ name, mimeType: "image/png", buffer: bytes });
    await page.getByRole("img", { name: `photo ${name}` }).waitFor();
    await page.locator(".look .first", { hasText: kind }).waitFor();
  }
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "ONNX model" }).click(),
  ]);
  const file = await download.path();
  expect(readModelMetadata(readFileSync(file), file)).toMatchObject({
    classNames: ["upright", "level"],
    preparation: { kind: "fit", fit: "crop" },
  });
  // The view of all networks has it too, but no test images of its classes; the pictures are still there.
  await page.locator(".result").getByRole("link", { name: "Try it" }).click();
  await page.getByRole("heading", { level: 1, name: "Try it" }).waitFor();
  await page.getByText("A photo", { exact: true }).waitFor();
  expect(await page.getByText("A test image").count()).toBe(0);
  await page.goBack();
  await cardOf(page, 1).getByText("12 pictures").waitFor();
  expect(sent).toEqual([]);
  expect(addresses.filter((address) => !address.startsWith(`${url}/`) && !address.startsWith("blob:"))).toEqual([]);
  expect(complaints).toEqual([]);
});

test("a folder of class folders fills the classes; two pictures of each are enough to train", async () => {
  const folder = join(temporaryFolder(), "photos");
  for (const kind of ["upright", "level"] as const) {
    for (const { name, bytes } of await many(kind, 2)) put(join(folder, kind, name), bytes);
  }
  put(join(folder, "notes.txt"), Buffer.from("read me"));
  put(join(folder, "level", ".hidden"), Buffer.from("of a system"));
  const { url } = await start();
  const { page, complaints } = await openPage(`${url}/#/train/pictures`);
  await page.getByLabel("Choose a folder").setInputFiles(folder);
  await page.getByText("1 of 5 files left out").waitFor();
  await cardOf(page, 1).getByText("2 pictures").waitFor();
  const names = page.locator(".classes input[type=text]");
  expect(await names.evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value))).toEqual([
    "level",
    "upright",
  ]);
  await names.first().fill("Upright");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByRole("alert").getByText("Two classes are called upright: rename one.").waitFor();
  await names.first().fill("level");
  await page.getByRole("radio", { name: /^tiny/ }).check();
  await page.getByLabel("Epochs", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("Trained, but not tested").waitFor();
  expect(complaints).toEqual([]);
});

test("class folders that are dropped, as from a file manager, fill the classes, inner folders included", async () => {
  const folder = join(temporaryFolder(), "photos");
  for (const kind of ["upright", "level"] as const) {
    for (const [i, { name, bytes }] of (await many(kind, 3)).entries()) {
      put(join(folder, kind, ...(i === 0 ? ["from the phone"] : []), name), bytes);
    }
  }
  // More than a browser lists at once.
  for (let i = 0; i < 120; i++) put(join(folder, "level", `note ${i}.txt`), Buffer.from("read me"));
  const { url } = await start();
  const { page, complaints } = await openPage(`${url}/#/train/pictures`);
  await page.getByLabel("Choose a folder").waitFor();
  await dropFromDisk(page, page.locator(".drop.folder"), [join(folder, "upright"), join(folder, "level")]);
  await page.getByText("120 of 126 files left out").waitFor();
  for (const [place, kind] of ["level", "upright"].entries()) {
    await cardOf(page, place).getByText("3 pictures").waitFor();
    expect(await cardOf(page, place).getByLabel("Name", { exact: true }).inputValue()).toBe(kind);
  }
  // Parts of a divided set are not classes.
  for (const part of ["train", "Val"]) put(join(folder, part, "level", "more.png"), (await many("level", 1))[0]!.bytes);
  await dropFromDisk(page, page.locator(".drop.folder"), [join(folder, "train"), join(folder, "Val")]);
  await cardOf(page, 0).getByText("5 pictures").waitFor();
  expect(await page.locator(".classes > li").count()).toBe(2);
  expect(complaints).toEqual([]);
});

test("the camera records pictures while its button is held, by pointer and by keyboard, and is tried live", async () => {
  const { url } = await start();
  const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  const { page, complaints } = await openPage(`${url}/#/train/pictures`, { args });
  const button = page.getByRole("button", { name: "Hold to record" });
  const thumbnails = (number: number) => cardOf(page, number).locator(".thumbnails canvas");
  const ready = page.locator('.recorder button[aria-disabled="false"]');

  await page.getByRole("button", { name: "Camera for Class 1" }).click();
  await ready.waitFor();
  await button.hover();
  await page.mouse.down();
  await thumbnails(0).nth(2).waitFor();
  await page.mouse.up();

  await page.getByRole("button", { name: "Camera for Class 2" }).press("Enter");
  await cardOf(page, 1).locator('.recorder button[aria-disabled="false"]').waitFor();
  expect(await page.locator("video").count()).toBe(1);
  await button.focus();
  await page.keyboard.down("Space");
  await thumbnails(1).nth(2).waitFor();
  await page.keyboard.up("Space");
  // What is released records no more.
  await page.waitForTimeout(500);
  const recorded = await thumbnails(1).count();
  await page.waitForTimeout(500);
  expect(await thumbnails(1).count()).toBe(recorded);

  await page.getByRole("radio", { name: /^tiny/ }).check();
  await page.getByLabel("Epochs", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Start training" }).click();
  await page.getByText("Webcam", { exact: true }).click();
  await page.locator(".try .probabilities .first", { hasText: "Class" }).waitFor();
  expect(complaints).toEqual([]);
});

function put(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}
