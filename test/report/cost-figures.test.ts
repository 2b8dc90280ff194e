import { describe, expect, test } from "vitest";
import { rung } from "../../src/report/ladder/entry.ts";
import { costFigures } from "../../src/report/node/figures.ts";
import { studyReport } from "./fixture.ts";
import { parsed } from "./page-parts.ts";

const report = studyReport();
const published = { data: "unknown", kind: "published", source: "https://example.org/" } as const;
const ladder = [
  rung({ ...published, name: "both", claimed: 0.97, clean: 0.92, parameters: 1_000_000, multiplyAdds: 50_000_000 }),
  rung({ ...published, name: "claimed only", claimed: 0.95, clean: null, parameters: 2_000_000 }),
  rung({ ...published, name: "no cost", claimed: 0.96, clean: 0.96 }),
  rung({ ...published, name: "the study's", claimed: 0.91, clean: 0.91, parameters: 3000, kind: "study" }),
];
const [parameters, multiplyAdds] = costFigures(report, ladder).map(({ svg }) => parsed(svg));

/** The tooltips of the points. */
const pointsOf = (drawing = parameters) =>
  [...(drawing?.querySelectorAll("title") ?? [])].map(({ textContent }) => textContent).sort();

/** How far down the marks of one kind are. */
const downs = (kind: string) =>
  [...(parameters?.querySelectorAll(`[aria-description="${kind}"] path`) ?? [])].map((mark) =>
    Number(/,([\d.]+)\)/.exec(mark.getAttribute("transform") ?? "")?.[1]),
  );

describe("accuracy against cost", () => {
  test("has a point for every result with known cost, at the accuracy on de-duplicated data where known", () => {
    const [base, enhanced] = ["4,241,152", "18,400,000"];
    expect(pointsOf()).toEqual([
      "base (ours): 93.47 %, 421,642",
      "base-study (ours): 91.71 %, 421,642",
      "both (published, de-duplicated data): 92.00 %, 1,000,000",
      "claimed only (published): 95.00 %, 2,000,000",
      "enhanced (ours): 94.42 %, 437,162",
      "enhanced-study (ours): 92.65 %, 437,162",
      "the study's (study): 91.00 %, 3,000",
    ]);
    expect(pointsOf(multiplyAdds)).toEqual([
      `base (ours): 93.47 %, ${base}`,
      `base-study (ours): 91.71 %, ${base}`,
      "both (published, de-duplicated data): 92.00 %, 50,000,000",
      `enhanced (ours): 94.42 %, ${enhanced}`,
      `enhanced-study (ours): 92.65 %, ${enhanced}`,
    ]);
  });

  test("has whiskers of one standard deviation to either side of ours with several seeds, and no others", () => {
    const [base, enhanced] = report.results.slice(-2).map(({ accuracy }) => accuracy);
    const stars = downs("ours").sort((a, b) => a - b);
    const ends = downs("ends of spread").sort((a, b) => a - b);
    // From the top: enhanced, base, then the two with a single seed.
    const perAccuracy = (stars[1]! - stars[0]!) / (enhanced!.mean - base!.mean);
    const wanted = [
      stars[0]! - enhanced!.standardDeviation! * perAccuracy,
      stars[0]! + enhanced!.standardDeviation! * perAccuracy,
      stars[1]! - base!.standardDeviation! * perAccuracy,
      stars[1]! + base!.standardDeviation! * perAccuracy,
    ];
    expect(ends).toEqual(wanted.map((end) => expect.closeTo(end, 6)));
  });
});
