import { describe, expect, test } from "vitest";
import type { LadderEntry } from "../../src/report/ladder/entry.ts";
import { rung } from "../../src/report/ladder/entry.ts";
import { LADDER } from "../../src/report/ladder/ladder.ts";
import { ladderTable, notCredibleTable } from "../../src/report/ladder/ladder-table.ts";
import { NOT_CREDIBLE } from "../../src/report/ladder/not-credible.ts";
import { studyReport } from "./fixture.ts";

const report = studyReport();
const entry = (name: string, claimed: number | null, clean: number | null, more: Partial<LadderEntry> = {}) =>
  rung({ name, claimed, clean, data: "unknown", kind: "published", source: "https://example.org/", ...more });

describe("the ladder", () => {
  const ladder = [
    entry("claims most", 0.999, 0.92),
    entry("claimed only", 0.94, null, { note: "Counted." }),
    entry("clean only", null, 0.95),
    entry("course", 0.9, null, { kind: "course-type baseline", hardware: "a GPU", epochs: 1000, note: "Counted." }),
  ];
  const table = ladderTable(report, ladder);

  test("is sorted by accuracy on de-duplicated data where known, else by the claim, including our results", () => {
    expect(table.rows.map(([name]) => name)).toEqual([
      "clean only",
      "tailor: enhanced",
      "claimed only",
      "tailor: base",
      "tailor: enhanced-study",
      "claims most",
      "tailor: base-study",
      "course",
    ]);
  });

  test("shows both accuracies, and dashes for unknown values", () => {
    const row = (name: string) => table.rows.find((cells) => cells[0] === name);
    expect(row("claims most")?.slice(1, 4)).toEqual(["published", "99.90 %", "92.00 %"]);
    expect(row("clean only")?.slice(2, 8)).toEqual(["–", "95.00 %", "–", "–", "–", "–"]);
    expect(row("course")).toEqual([
      ...["course", "course-type", "90.00 %", "–", "–", "–", "1,000", "a GPU", "https://example.org/"],
    ]);
  });

  test("marks ours, with their spread and the processor they were trained on", () => {
    expect(table.strongRows).toEqual([1, 3, 4, 6]);
    expect(table.rows[1]).toEqual([
      ...["tailor: enhanced", "ours", "94.42 %", "94.42 % ± 0.08", "437,162", "18.4 M", "12"],
      ...["AMD EPYC, 2 cores", "this report"],
    ]);
  });

  test("gives a shared note only once", () => {
    expect(table.pageOnly?.notes).toEqual(["claimed only and course: Counted."]);
  });

  test("lists the study once: as an entry of the ladder, not as a row of the report", () => {
    const names = ladderTable(report).rows.map(([name]) => name);
    expect(names.filter((name) => name?.includes("(study)"))).toEqual(["Enhanced (study)", "Base (study)"]);
    expect(names).toHaveLength(LADDER.length + 4);
  });
});

test("each excluded claim has a reason", () => {
  const { rows } = notCredibleTable();
  expect(rows).toHaveLength(NOT_CREDIBLE.length);
  expect(rows[0]).toEqual([NOT_CREDIBLE[0]?.name, "99.65 %", NOT_CREDIBLE[0]?.why, NOT_CREDIBLE[0]?.source]);
});
