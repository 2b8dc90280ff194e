/** `lr-find`: prints a rate, and writes the figure and its steps. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 200, test: 10, isHalved: true });
const OUT = join(sharedFolder(), "rates");
const SMALL = ["lr-find", "base-study", "--data", DATA, "--threads", "1", "--batch-size", "20", "--out", OUT];

test("writes a figure and the steps, and suggests one of their rates", async () => {
  const { code, stdout, stderr } = await tailor([...SMALL, "--from", "1e-5", "--to", "10", "--steps", "30", "--json"]);
  expect(code, stderr).toBe(0);
  const { figure, ...told } = JSON.parse(stdout) as {
    figure: string;
    steps: { rate: number }[];
    suggestion: number;
    batchSize: number;
  };
  expect(JSON.parse(readFileSync(join(OUT, "lr-find.json"), "utf8"))).toEqual(told);
  expect(told).toMatchObject({ recipe: "base-study", batchSize: 20, seed: 1 });
  expect(told.steps.map(({ rate }) => rate)).toContain(told.suggestion);
  expect(figure).toBe(join(OUT, "lr-find.png"));
  expect(statSync(figure).size).toBeGreaterThan(500);
  expect(readFileSync(join(OUT, "lr-find.svg"), "utf8")).toContain("suggested: ");
  expect(stderr).toMatch(/suggested learning rate: .* \(base-study has 0\.001\)/);
});

test.each([
  [["--from", "1", "--to", "0.5"], /learning rates from 1 to 0.5 do not rise/],
  [["--steps", "3"], /3 steps are too few/],
  [["--from", "0"], /--from must be a number above 0/],
])("%j is refused", async (options, message) => {
  expect(refusalOf(await tailor([...SMALL, ...options]), 2)).toMatch(message);
});
