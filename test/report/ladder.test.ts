import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { LadderEntry } from "../../src/report/ladder/entry.ts";
import { LADDER } from "../../src/report/ladder/ladder.ts";
import { NOT_CREDIBLE } from "../../src/report/ladder/not-credible.ts";

const DOC = readFileSync(join(import.meta.dirname, "../../docs/ladder.md"), "utf8").split("\n");

const entryNamed = (name: string): LadderEntry => {
  const entry = LADDER.find((candidate) => candidate.name === name);
  if (!entry) throw new Error(`the ladder has no "${name}"`);
  return entry;
};
const figures = (name: string) => {
  const { claimed, clean, data, kind } = entryNamed(name);
  return { claimed, clean, data, kind };
};

describe("the ladder", () => {
  test("names are unique, and short enough for a plot", () => {
    const names = [...LADDER, ...NOT_CREDIBLE].map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(LADDER.filter(({ name }) => name.length > 32)).toEqual([]);
    expect(LADDER.length).toBe(45);
  });

  test.each(LADDER)("$name: its figures are consistent", (entry) => {
    const { claimed, clean, data, source, note } = entry;
    const known = [claimed, clean].filter((value) => value !== null);
    expect(known.length).toBeGreaterThan(0);
    for (const value of known) {
      expect(value).toBeGreaterThanOrEqual(0.8);
      expect(value).toBeLessThanOrEqual(0.97);
    }
    // A claim made on the de-duplicated data is the clean figure itself; one made before can't be.
    if (data === "de-duplicated") expect(clean).toBe(claimed);
    if (data === "before de-duplication") expect(clean).not.toBe(claimed);
    // More between the two would be a slip of digits.
    if (claimed !== null && clean !== null) expect(Math.abs(claimed - clean)).toBeLessThan(0.03);
    for (const cost of [entry.parameters, entry.multiplyAdds, entry.epochs]) {
      if (cost !== null) expect(Number.isInteger(cost) && cost > 0).toBe(true);
    }
    expect(new URL(source).protocol).toBe("https:");
    if (note !== undefined) expect(note).toMatch(/^[A-Z0-9].*\.$/);
  });

  test("contains the study's figures, without a size, as its layers are not published", () => {
    expect(LADDER.filter(({ kind }) => kind === "study")).toMatchObject([
      { name: "Base (study)", claimed: 0.9165, clean: 0.9165, epochs: 70, parameters: null, multiplyAdds: null },
      { name: "Enhanced (study)", claimed: 0.9268, clean: 0.9268, epochs: 70, parameters: null, multiplyAdds: null },
    ]);
  });

  test("lists results that were published twice both times", () => {
    const before = { data: "before de-duplication", kind: "published" };
    expect(figures("ResNet18 (kefth)")).toEqual({ ...before, claimed: 0.949, clean: 0.92 });
    expect(figures("ResNet-20 (Zhong)")).toEqual({ ...before, claimed: 0.9561, clean: 0.9518 });
    expect(figures("ResNet-20 + erasing (Zhong)")).toEqual({ ...before, claimed: 0.9598, clean: 0.9555 });
    expect(figures("WRN-28-10 + erasing (Zhong)")).toEqual({ ...before, claimed: 0.9635, clean: 0.958 });
    expect(figures("SimpleNet (kefth)")).toMatchObject({ claimed: 0.919, clean: 0.923 });
    expect(figures("2 conv 494K (cmasch)")).toMatchObject({ claimed: 0.9343, clean: 0.9327 });
  });

  test("has ten course-type baselines, and no claim that is not credible", () => {
    expect(LADDER.filter(({ kind }) => kind === "course-type baseline")).toHaveLength(10);
    const claims = LADDER.map(({ claimed, source }) => `${claimed} ${source}`);
    for (const { claimed, source, why } of NOT_CREDIBLE) {
      expect(claims).not.toContain(`${claimed} ${source}`);
      expect(new URL(source).protocol).toBe("https:");
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("uses the authors' own figures where Zalando's table has mistakes", () => {
    expect(figures("WRN-40-4 (ajbrock)").claimed).toBe(0.9607);
    expect(figures("2 conv flips (ashmeet13)").claimed).toBe(0.9329);
    expect(NOT_CREDIBLE.map(({ claimed }) => claimed)).toEqual(expect.arrayContaining([0.967, 0.939]));
  });
});

describe("docs/ladder.md", () => {
  const percent = (value: number | null) => (value === null ? "" : `${(100 * value).toFixed(2)} %`);
  const whole = (value: number | null) => (value === null ? "" : value.toLocaleString("en-US"));
  const millions = (value: number | null) => (value === null ? "" : `${(value / 1e6).toFixed(1)} M`);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const ladderRow = (entry: LadderEntry) =>
    row([
      `[${entry.name}](${entry.source})`,
      entry.kind,
      percent(entry.claimed),
      percent(entry.clean),
      entry.data,
      whole(entry.parameters),
      millions(entry.multiplyAdds),
      whole(entry.epochs),
      entry.note ?? "",
    ]);

  test("has the ladder's rows, all and only those, in its order", () => {
    expect(DOC.filter((line) => /\| (study|course-type baseline|published) \|/.test(line))).toEqual(
      LADDER.map(ladderRow),
    );
  });

  test("has the rows of what is not credible, and why", () => {
    for (const { name, claimed, why, source } of NOT_CREDIBLE) {
      expect(DOC).toContain(row([`[${name}](${source})`, percent(claimed), why]));
    }
  });
});
