import { loadFashionMnist } from "../../data/node/fashion-mnist.ts";
import { UserError } from "../../errors.ts";
import { readRace, readRaces, runRace, verifyRace } from "../../experiments/race.ts";
import { packageFile } from "../../package-files.ts";
import { RACE_TARGETS, type RaceTarget } from "../../recipes/race.ts";
import { racePoints } from "../../report/cost-points.ts";
import { type RaceEntry, raceRow, raceTable } from "../../report/race.ts";
import { tableLines } from "../../report/tables.ts";
import { writeExportedFile } from "../../runs/node/export-files.ts";
import { recipeNamed } from "../../runs/node/recipe-file.ts";
import { percent } from "../../text.ts";
import { defineCommand, type OptionSpec, type OptionsOf } from "../command.ts";
import { DATA_OPTION, LIMIT_OPTION, THREADS_OPTION } from "../common-options.ts";
import { DISTRIBUTION_OPTIONS, distributionTyped, typedDistribution } from "../distribution.ts";
import { whileResumable } from "../experiment-display.ts";
import type { Output } from "../output.ts";
import { path, seeds, threads, wholeNumber } from "../parse.ts";
import { flag } from "../wording.ts";

/** The committed result files. */
const COMMITTED = packageFile("docs/race/");

/** `93.5`, `94`: a target as it is typed. */
const typed = ({ accuracy }: RaceTarget) => String(Number((100 * accuracy).toFixed(2)));
const TARGETS = RACE_TARGETS.map(typed);

const OPTIONS = [
  {
    flags: "--recipe <recipe>",
    description: "the recipe that races: a name, or a file (see `train`)",
    default: "tailor's for the target",
  },
  { flags: "--seeds <n>", description: "runs, with seeds 1 to n", default: "as many as the target needs" },
  { flags: "--out <folder>", description: "where everything goes; the same command goes on", default: "race/<target>" },
  { flags: "--verify <file>", description: "repeat a run of a result file and compare it" },
  { flags: "--seed <n>", description: "with --verify: the run to repeat", default: "1" },
  { flags: "--plot <file>", description: "draw the board: accuracy against base epochs, a PNG file" },
  { flags: "--force", description: "with --plot: replace the file that is there" },
  { flags: "--board <folder>", description: "show the board of other result files than tailor's own" },
  LIMIT_OPTION,
  DATA_OPTION,
  THREADS_OPTION,
  ...DISTRIBUTION_OPTIONS,
] as const satisfies readonly OptionSpec[];
type Options = OptionsOf<typeof OPTIONS>;

export const race = defineCommand({
  name: "race",
  arguments: [{ name: "[target]", description: `mean test accuracy to reach, in percent: ${TARGETS.join(", ")}` }],
  options: OPTIONS,
  examples: [
    "node bin/tailor.js race",
    "node bin/tailor.js race 93.5",
    "node bin/tailor.js race 94 --recipe ./my-recipe.mjs --out race/mine",
    "node bin/tailor.js race --verify race/mine/race.json --seed 3",
  ],
  async run([target], options, output) {
    if (target !== undefined) return run(target, options, output);
    const divided = distributionTyped(options);
    if (divided) throw new UserError(`${flag(divided)} is for a race to a target; leave it out`, { exitCode: 2 });
    const file = path(options, "verify");
    return file === undefined ? board(options, output) : verify(file, options, output);
  },
});

async function run(word: string, options: Options, output: Output): Promise<number | undefined> {
  const target = RACE_TARGETS.find((one) => Number(typed(one)) === Number(word));
  if (!target) {
    throw new UserError(`there is no race to "${word}" %; choose one of: ${TARGETS.join(", ")}`, { exitCode: 2 });
  }
  const { recipe, recipeFile } =
    options.recipe === undefined ? { recipe: target.recipe } : await recipeNamed(options.recipe);
  const trainRuns = typedDistribution(options);
  const count = seeds(options) ?? target.seeds;
  const limit = wholeNumber(options, "limit") ?? null;
  const out = path(options, "out") ?? `race/${typed(target)}`;
  const data = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
  const shared = { data, threads: threads(options), trainRuns };
  const { result, interruptedBy } = await whileResumable(shared, output, (shared) =>
    runRace({ recipe, recipeFile, trainOn: "split", limit }, { ...shared, out, target: target.accuracy, seeds: count }),
  );
  if (!result) return interruptedBy;
  const row = raceRow(result);
  const entry = { file: `${out}/race.json`, row, problem: row.problem };
  for (const line of tableLines(raceTable([entry], [target]))) output.say(line);
  output.result({ ...entry });
  return 0;
}

async function verify(file: string, options: Options, output: Output): Promise<number | undefined> {
  const seed = wholeNumber(options, "seed", { least: 0 }) ?? 1;
  const result = readRace(file);
  const { model } = options.recipe === undefined ? {} : (await recipeNamed(options.recipe)).recipe;
  const data = await loadFashionMnist({ folder: path(options, "data"), report: output.note });
  const out = path(options, "out") ?? `race/verify-s${seed}`;
  const { result: verification, interruptedBy } = await whileResumable(
    { data, threads: threads(options) },
    output,
    (shared) => verifyRace(result, { ...shared, seed, model, out }),
  );
  if (!verification) return interruptedBy;
  const { recorded, repeated, tolerance, hasSameWeights, isConfirmed } = verification;
  output.say(`seed ${seed}: recorded ${percent(recorded)}, repeated ${percent(repeated)}`);
  if (hasSameWeights) output.say("confirmed: the weights are bitwise the same");
  else {
    const range = `${(100 * tolerance).toFixed(2)} points of the race's mean`;
    output.say(isConfirmed ? `confirmed: other rounding, but within ${range}` : `not confirmed: not within ${range}`);
  }
  output.result({ ...verification });
  return isConfirmed ? 0 : 1;
}

async function board(options: Options, output: Output): Promise<number> {
  const entries = readRaces(path(options, "board") ?? COMMITTED);
  for (const line of tableLines(raceTable(entries))) output.say(line);
  const plot = path(options, "plot");
  if (plot !== undefined) await draw(plot, entries, options.force === true);
  output.result({ entries });
  return 0;
}

async function draw(path: string, entries: readonly RaceEntry[], force: boolean): Promise<void> {
  const points = racePoints(entries);
  if (points.length === 0) throw new UserError("no race counts yet, so there is nothing to draw");
  // Loaded on use, as the figures' libraries load slowly.
  const [{ costFigure }, { drawSvg, pngBytes }] = await Promise.all([
    import("../../plots/cost.ts"),
    import("../../plots/node/render.ts"),
  ]);
  const figure = { title: "Test accuracy and training time", xLabel: "training time in epochs of recipe base", points };
  writeExportedFile({ path, force, isFolder: false }, pngBytes(drawSvg(costFigure, figure)));
}
