import type { RunDetail, RunSummary } from "../../../src/server/api-types.ts";

/** Runs that differ only in their seeds. */
export interface RunGroup {
  /** The recipe's names, with what distinguishes it where several groups have one of that name. */
  readonly name: string;
  /** One of each seed. */
  readonly runs: readonly RunDetail[];
}

/** More differences would be longer than what they explain. */
const MAX_DIFFERENCES = 2;

/** Groups runs by everything that decides a result but the seed; a mean of other runs would belong to none of them. */
export function groupRuns(details: readonly RunDetail[]): RunGroup[] {
  const groups = [...new Set(details.map(({ setting }) => setting))].map((setting) =>
    // The same seed twice is one run.
    details.filter(
      (run, i) =>
        run.setting === setting && details.findIndex((one) => one.setting === setting && one.seed === run.seed) === i,
    ),
  );
  return groups.map((runs) => {
    const recipes = new Set(runs.map(({ recipe }) => recipe));
    const namesakes = groups.filter((group) => group.some(({ recipe }) => recipes.has(recipe)));
    const words = distinction(
      runs[0]!,
      namesakes.map((group) => group[0]!),
    );
    return { name: `${[...recipes].join(", ")}${words === "" ? "" : ` (${words})`}`, runs };
  });
}

/** What distinguishes a run from others with a recipe of the same name; empty without others. */
function distinction(run: RunDetail, namesakes: readonly RunDetail[]): string {
  if (namesakes.length === 1) return "";
  const fields = namesakes.map(fieldsOf);
  const own = fieldsOf(run);
  const differing = [...new Set(fields.flatMap((one) => [...one.keys()]))].filter(
    (name) => new Set(fields.map((one) => one.get(name))).size > 1,
  );
  const isTold = differing.length > 0 && differing.length <= MAX_DIFFERENCES;
  return isTold ? differing.map((name) => `${name} ${own.get(name) ?? "none"}`).join(", ") : run.id;
}

/** What a setting consists of, each value as text. */
function fieldsOf({ record }: RunDetail): ReadonlyMap<string, string> {
  if (record.status === "imported") return new Map();
  const { recipe, limit, trainOn, fold, data } = record;
  const { name: _, description: __, ...decisive } = recipe;
  const size = data.image && `${data.image.width}x${data.image.height}`;
  return new Map([
    ...leaves(decisive, ""),
    ["images", limit === null ? "all" : String(limit)],
    ["trained on", trainOn],
    ["fold", fold ? `${fold.number} of ${fold.of}` : "none"],
    ["data", `${data.folder ?? data.source}${size === undefined ? "" : `, ${size}`}`],
  ]);
}

/** `{ optimizer: { kind: "adam" } }` -> `optimizer.kind`, `adam` */
function leaves(value: unknown, name: string): [string, string][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, name === "" ? key : `${name}.${key}`));
  }
  return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
}

/** Groups and runs that are ticked at first: more would make the figure small, and take long to fetch. */
const FIRST = { groups: 2, runs: 6 } as const;

/** The newest groups with curves, some seeds of each. */
export function firstChoice(runs: readonly RunSummary[]): string[] {
  const drawn = runs.filter(({ epochsDone }) => epochsDone > 0);
  const settings = [...new Set(drawn.map(({ setting }) => setting))].slice(0, FIRST.groups);
  return settings.flatMap((setting) =>
    drawn
      .filter((run) => run.setting === setting)
      .slice(0, FIRST.runs / settings.length)
      .map(({ id }) => id),
  );
}
