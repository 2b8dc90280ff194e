import { expect, test } from "vitest";
import { ownResults, type TestedOnce } from "../../src/experiments/study/own-results.ts";

const run = (name: string, seed: number, accuracy: number, epochs = 12): TestedOnce => ({
  run: `runs/${name}`,
  recipe: "base",
  seed,
  setting: `base for ${epochs} epochs`,
  epochs,
  parameters: 7,
  multiplyAdds: 8,
  metrics: { accuracy },
});

test("runs that differ in their seeds are one result; the same seed twice counts once", () => {
  const [result, ...others] = ownResults([run("a", 1, 0.9), run("b", 2, 0.92), run("again", 1, 0.9)]);
  expect(others).toEqual([]);
  expect(result).toMatchObject({
    name: "base",
    origin: { runs: ["runs/a", "runs/b"] },
    accuracy: { mean: expect.closeTo(0.91, 12), n: 2 },
  });
});

test("two settings of one recipe have different names: by their epochs, or else by a run", () => {
  const [short, long] = [run("short", 1, 0.8, 1), run("long", 1, 0.9)];
  expect(ownResults([short, long]).map(({ name }) => name)).toEqual(["base (1 epoch)", "base (12 epochs)"]);
  const other = { ...run("other", 1, 0.7), setting: "base at another rate" };
  expect(ownResults([long, other, short]).map(({ name }) => name)).toEqual([
    "base (runs/long)",
    "base (runs/other)",
    "base (1 epoch)",
  ]);
});
