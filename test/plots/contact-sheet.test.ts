import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { type ContactSheet, contactSheet } from "../../src/plots/contact-sheet.ts";
import { drawSvg, pngBytes } from "../../src/plots/node/render.ts";
import { sheet } from "./example-figures.ts";
import { all, drawnTexts, numbersOf, parseFigure, toFigure } from "./read-figure.ts";

/** Where the images stand in the figure, and what the embedded files hold. */
function images(input: ContactSheet) {
  return all(parseFigure(drawSvg(contactSheet, input)), "image").map((image) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => numbersOf(image, name)[0]!);
    const [left, top] = toFigure(image, [x!, y!]);
    const file = decode(Buffer.from(image.getAttribute("href")!.split("base64,")[1]!, "base64"));
    return { left, top, width: width!, height: height!, file };
  });
}

describe("a contact sheet", () => {
  test("starts a new row after the given number of columns", () => {
    const places = images(sheet(8, 3));
    const lefts = [...new Set(places.map(({ left }) => left))];
    const tops = [...new Set(places.map(({ top }) => top))];
    expect([lefts.length, tops.length]).toEqual([3, 3]);
    expect(places.map(({ left, top }) => [lefts.indexOf(left), tops.indexOf(top)])).toEqual(
      Array.from({ length: 8 }, (_, i) => [i % 3, Math.floor(i / 3)]),
    );
  });

  test("has the images' own pixels, as squares, also in the rendered PNG", () => {
    // A picture that changes when rotated or mirrored, and is not square.
    const pixels = Uint8Array.from({ length: 28 * 14 }, (_, i) => (i * 89) % 256);
    const input = { columns: 1, images: [{ pixels, width: 28, height: 14, caption: [] }] };
    const [{ file, left, top, width, height }] = images(input) as [ReturnType<typeof images>[0]];
    const picture = decode(pngBytes(drawSvg(contactSheet, input), { scale: 2 }));
    expect([width / height, file.channels, file.width / file.height]).toEqual([2, 1, 2]);
    expect(file.width).toBe(width);
    for (const [i, pixel] of pixels.entries()) {
      const [column, row] = [(i % 28) + 0.5, Math.floor(i / 28) + 0.5];
      // The same all over the square, up to its edges.
      for (const shift of [-0.45, 0, 0.45]) {
        const inFile =
          Math.floor((row / 14) * file.height) * file.width + Math.floor(((column + shift) / 28) * file.width);
        expect(file.data[inFile]).toBe(pixel);
        const [x, y] = [i % 28, Math.floor(i / 28)];
        if (Math.min(x, 27 - x, y, 13 - y) === 0) continue; // The border covers these in part.
        const across = Math.floor(2 * (left + ((column + shift) / 28) * width));
        const down = Math.floor(2 * (top + (row / 14) * height));
        expect(picture.data[4 * (down * picture.width + across)]).toBe(pixel);
      }
    }
  });

  test("draws images of three channels in their colours", () => {
    // Red above, green below; blue only on the right.
    const planes = [
      [255, 255, 0, 0],
      [0, 0, 200, 200],
      [0, 100, 0, 100],
    ];
    const pixels = Uint8Array.from(planes.flat());
    const input = { columns: 1, images: [{ pixels, channels: 3 as const, width: 2, height: 2, caption: [] }] };
    const [{ file }] = images(input) as [ReturnType<typeof images>[0]];
    expect([file.channels, file.width, file.height]).toEqual([3, 112, 112]);
    const colorAt = (x: number, y: number) => [...file.data.slice(3 * (y * 112 + x), 3 * (y * 112 + x) + 3)];
    expect([colorAt(0, 0), colorAt(111, 55), colorAt(55, 56), colorAt(56, 111)]).toEqual([
      [255, 0, 0],
      [255, 0, 100],
      [0, 200, 0],
      [0, 200, 100],
    ]);
  });

  test("has each image's caption under it, and no other image's", () => {
    const input = sheet(4, 2);
    const named = {
      ...input,
      images: input.images.map((image, i) => ({ ...image, caption: [`first ${i}`, `second ${i}`] })),
    };
    const texts = drawnTexts(parseFigure(drawSvg(contactSheet, named)));
    for (const [i, { left, top, width, height }] of images(named).entries()) {
      const [first, second] = ["first", "second"].map(
        (line) => texts.find(({ text }) => text === `${line} ${i}`)!.box!,
      );
      expect((first!.left + first!.right) / 2).toBeCloseTo(left + width / 2, 0);
      expect(first!.top).toBeGreaterThan(top + height);
      expect(second!.top).toBeGreaterThan(first!.bottom);
      expect(second!.bottom).toBeLessThan(top + height + 50);
    }
  });

  test("distinguishes good and bad by colour and by dashes", () => {
    const root = parseFigure(drawSvg(contactSheet, sheet(2, 2)));
    const borders = all(root, 'rect[fill="none"]').map((rect) =>
      ["stroke", "stroke-dasharray"].map((name) => rect.getAttribute(name)),
    );
    expect(borders).toHaveLength(2);
    expect(borders[0]![0]).not.toBe(borders[1]![0]);
    expect([borders[0]![1], borders[1]![1]]).toEqual(["8 4", null]);
  });

  test("that cannot be drawn is refused", () => {
    const [image] = sheet(1, 1).images;
    const draw = (columns: number, ...drawn: ContactSheet["images"]) =>
      drawSvg(contactSheet, { columns, images: drawn });
    expect(() => draw(3)).toThrow(new RangeError("no images to draw"));
    expect(() => draw(0, image!)).toThrow(new RangeError("a contact sheet of 0 columns"));
    expect(() => draw(Number.NaN, image!)).toThrow(RangeError);
    expect(() => draw(1, { ...image!, width: 27 })).toThrow(new RangeError("784 values are no image of 1 x 28 x 27"));
    expect(() => draw(1, { ...image!, pixels: new Uint8Array(0), width: 0 })).toThrow(RangeError);
  });
});
