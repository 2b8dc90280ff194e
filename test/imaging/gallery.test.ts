import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { trainedRun } from "../prediction/support/trained-run.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const FOLDER = sharedFolder();

interface Shown {
  readonly label: string;
  readonly way: string;
  readonly steps: readonly string[];
  readonly pixels: readonly number[];
}

describe("the gallery of pictures (scripts/gallery.js)", THOROUGH, () => {
  let gallery: readonly Shown[];
  beforeAll(async () => {
    await trainedRun(join(FOLDER, "run"), { limit: 500 });
    const out = join(FOLDER, "gallery");
    mkdirSync(out);
    const script = [join(ROOT, "scripts/gallery.js"), "--run", join(FOLDER, "run"), "--out", out];
    const { status, stderr } = spawnSync(process.execPath, script, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(out, "gallery.png")).subarray(1, 4).toString()).toBe("PNG");
    gallery = JSON.parse(readFileSync(join(out, "gallery.json"), "utf8"));
  });

  test("the gallery has pictures of every class in many variants, and shows all steps of each", () => {
    expect(gallery.length).toBeGreaterThanOrEqual(30);
    expect(new Set(gallery.map(({ label }) => label)).size).toBe(10);
    expect(new Set(gallery.map(({ way }) => way)).size).toBeGreaterThan(15);
    for (const { steps } of gallery) {
      expect(steps).toEqual(["flatten", "trim", "cut", "resize", "negate", "sharpen", "stretch", "centre"]);
    }
  });

  /** Pixels at most two away, in 28 x 28. */
  function around(i: number): number[] {
    const [row, column] = [Math.floor(i / 28), i % 28];
    const near = (at: number) => [at - 2, at - 1, at, at + 1, at + 2].filter((k) => k >= 0 && k < 28);
    return near(row).flatMap((r) => near(column).map((c) => r * 28 + c));
  }

  test("each garment has the same outline in every variant, and its background is black", () => {
    // Rotated garments fit the square differently.
    const others = gallery.filter(({ way }) => way !== "on white" && way !== "turned 8 degrees");
    expect(others.length).toBeGreaterThan(20);
    for (const { label, way, pixels } of others) {
      const plain = gallery.find((shown) => shown.label === label && shown.way === "on white")!.pixels;
      const covered = (values: readonly number[]) => values.map((value) => value > 50);
      const [outline, expected] = [covered(pixels), covered(plain)];
      const both = outline.filter((is, i) => is && expected[i]).length;
      const either = outline.filter((is, i) => is || expected[i]).length;
      expect({ label, way, overlap: both / either }).toMatchObject({
        overlap: expect.toSatisfy((part: number) => part > 0.75),
      });
      const isFarFrom = (i: number) => around(i).every((k) => plain[k]! <= 20);
      const ground = pixels.filter((_, i) => isFarFrom(i));
      const lit = ground.filter((value) => value > 40).length;
      expect({ label, way, lit: lit <= 0.03 * ground.length }).toEqual({ label, way, lit: true });
    }
  });
});
