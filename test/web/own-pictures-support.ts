/** The user's own pictures: files of two kinds, and ways to give them to the page. */
import type { Locator, Page } from "playwright-core";
import { type Draw, drawn } from "../data/picture-fixtures.ts";

export interface TestFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Stripes of two kinds: upright and red, or level and blue; each picture has a place and a shade of its own. */
const LOOKS: Readonly<Record<"upright" | "level", (i: number) => Draw>> = {
  upright: (i) => (x) => ((x + i) % 8 < 4 ? [220 - 3 * i, 40, 30] : [20, 20, 20]),
  level: (i) => (_, y) => ((y + i) % 8 < 4 ? [30, 60, 230 - 3 * i] : [20, 20, 20]),
};

export async function striped(kind: keyof typeof LOOKS, i: number): Promise<TestFile> {
  return { name: `${kind} ${i}.png`, bytes: await drawn(LOOKS[kind](i), { width: 40, height: 32 }) };
}

export function many(kind: keyof typeof LOOKS, count: number): Promise<TestFile[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => striped(kind, i)));
}

/** Drops files on an element, as from a file manager. */
export async function drop(place: Locator, files: readonly TestFile[]): Promise<void> {
  const sent = files.map(({ name, bytes }) => ({ name, base64: bytes.toString("base64") }));
  await place.evaluate((element, sent) => {
    const dataTransfer = new DataTransfer();
    for (const { name, base64 } of sent) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name));
    }
    element.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, sent);
}

/** Drops files and folders of the disk, as a file manager does: a script cannot make those. */
export async function dropFromDisk(page: Page, place: Locator, paths: readonly string[]): Promise<void> {
  await place.scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await place.boundingBox())!;
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: x + width / 2, y: y + height / 2, data });
  }
  await session.detach();
}

export const cardOf = (page: Page, number: number) => page.locator(".classes > li").nth(number);
