/** docs/ablation.md matches the committed ablations, and these match their runs' accuracies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { differencesInBlocks, seedSpread } from "../../src/evaluation/significance.ts";
import { ABLATION } from "../../src/experiments/ablation.ts";
import { intervalText, points, shortSpreadText } from "../../src/report/wording.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const PAGE = readFileSync(join(DOCS, "ablation.md"), "utf8");

const ablation = z.object({
  status: z.literal("finished"),
  split: z.literal("validation"),
  epochs: z.number(),
  seeds: z.number(),
  trainImages: z.literal(55_000),
  rows: z.array(
    z.object({
      change: z.string().nullable(),
      what: z.string(),
      accuracy: z.object({ mean: z.number(), standardDeviation: z.number(), n: z.number() }),
      difference: z.number().nullable(),
      interval: z.tuple([z.number(), z.number()]).nullable(),
      runs: z.array(
        z.object({
          seed: z.number(),
          accuracy: z.number(),
          commit: z.string().regex(/^[0-9a-f]{40}$/),
          weightsSha256: z.string(),
        }),
      ),
    }),
  ),
});

describe.each(ABLATION)("the committed ablation from $reference.name", ({ reference, changes }) => {
  const file = join(DOCS, `measurements/ablation-${reference.name}.json`);
  const { seeds, rows } = ablation.parse(JSON.parse(readFileSync(file, "utf8")));
  const accuracies = rows.map(({ runs }) => runs.map(({ accuracy }) => accuracy));
  const differences = differencesInBlocks(accuracies[0]!, accuracies.slice(1));

  test("has every change, each with the same seeds and its own runs", () => {
    expect(rows.map(({ change, what }) => [change, what])).toEqual([
      [null, `recipe ${reference.name}`],
      ...changes.map(({ name, what }) => [name, what]),
    ]);
    for (const { runs } of rows) expect(runs.map(({ seed }) => seed)).toEqual(runs.map((_, i) => i + 1));
    const sums = rows.flatMap(({ runs }) => runs.map(({ weightsSha256 }) => weightsSha256));
    expect(new Set(sums).size).toBe(rows.length * seeds);
  });

  test("matches its runs' accuracies, and docs/ablation.md matches it", () => {
    for (const [i, { change, what, accuracy, difference, interval }] of rows.entries()) {
      expect(accuracy).toEqual(seedSpread(accuracies[i]!));
      const own = i === 0 ? null : differences[i - 1]!;
      expect({ difference, interval }).toEqual({
        difference: own?.mean ?? null,
        interval: own?.interval ? [own.interval.low, own.interval.high] : null,
      });
      const cells = own ? [points(own.mean), intervalText(own.interval!)] : ["–", "–"];
      const name = change === null ? `\`${reference.name}\`` : `\`${change}\``;
      expect(PAGE).toContain(`| ${name} | ${shortSpreadText(accuracy)} | ${cells.join(" | ")} | ${what} |\n`);
    }
  });
});
