import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import { describe, expect, test } from "vitest";
import { textWidth, wrapText } from "../../src/plots/text.ts";

const FILES = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) =>
  fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${name}`)),
);

/** Pixels from the first to the last drawn pixel's edge; text stands between two bars that make spaces count. */
function drawnWidth(text: string, weight: string): number {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const image = `<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="200"><text xml:space="preserve" x="10" y="120"
    font-family="DejaVu Sans" font-size="100" font-weight="${weight}">${escaped}</text></svg>`;
  const font = { loadSystemFonts: false, fontFiles: FILES, defaultFontFamily: "DejaVu Sans" };
  return new Resvg(image, { font }).getBBox()!.width;
}

describe("text widths", () => {
  test.each(["normal", "bold"])("are those of the %s font in pictures", (weight) => {
    // Between letters H, to which little is moved closer; many of them, to tell the advance from the blank at the
    // sides.
    const advanceOf = (letters: string) => (drawnWidth(letters.repeat(21), weight) - drawnWidth(letters, weight)) / 20;
    const between = advanceOf("H");
    for (let code = 0x21; code < 0x7f; code++) {
      const character = String.fromCodePoint(code);
      const advance = advanceOf(`H${character}`) - between;
      const width = textWidth(character, 100, weight === "bold");
      const tolerance = weight === "bold" ? 0.16 * advance : 3;
      expect(Math.abs(width - advance), `${character}: ${width} for ${advance}`).toBeLessThanOrEqual(tolerance);
    }
  });

  test("are large enough for whole words in bold, and for other letters", () => {
    for (const text of ["validation 93.98 %", "Enhanced (study)", "expected calibration error", "+1.02 −0.31"]) {
      expect(textWidth(text, 100, true)).toBeGreaterThan(drawnWidth(text, "bold") * 0.985);
      expect(textWidth(text, 100, true)).toBeLessThan(drawnWidth(text, "bold") * 1.08);
    }
    for (const text of ["Größe", "naïve", "Δ ± × …", "→ ↓ ↑"]) {
      expect(textWidth(text, 100)).toBeGreaterThan(drawnWidth(text, "normal") * 0.98);
    }
  });
});

describe("wrapped text", () => {
  test("has lines that fit, and loses no word", () => {
    const text = "The quick brown fox jumps over the lazy dog and an unbreakablyverylongwordindeed at the end";
    const lines = wrapText(text, 120, 12);
    expect(lines.join(" ")).toBe(text);
    expect(lines.filter((line) => textWidth(line, 12) > 120)).toEqual(["unbreakablyverylongwordindeed"]);
    expect(lines.length).toBeLessThan(12);
  });

  test("has no lines for an empty text", () => {
    expect(wrapText("  ", 100, 12)).toEqual([]);
  });
});
