/**
 * Files of runs, damaged at random, through every command that reads them. The expected answer is known: what is damaged is
 * refused in one message, what is not gives the same bits. `npm run test:hostile` does many rounds of it.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomStream } from "../../src/random.ts";
import { readMetrics } from "../../src/runs/node/run-files.ts";
import { type Result, refusalOf, tailor } from "../cli/support/tailor.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { editRecord, remove } from "../training/support/damage.ts";
import { sharedFolder } from "../training/support/small-data.ts";

/** Mutations of each file for each command. */
const ROUNDS = Number(process.env.HOSTILE_ROUNDS ?? (IS_THOROUGH ? 3 : 1));
const SEED = Number(process.env.HOSTILE_SEED ?? 1);

const FOLDER = sharedFolder();
const PICTURES = join(FOLDER, "pictures");
const FINISHED = join(FOLDER, "finished");
const UNFINISHED = join(FOLDER, "unfinished");
const WORK = join(FOLDER, "work");
const EXPORTED = join(FOLDER, "exported");
const THREAD = ["--threads", "1"];

/** What is asked of a run, and what of the answer must not change. */
interface Question {
  readonly name: string;
  readonly of: string;
  readonly ask: () => Promise<Result>;
  readonly answer: (printed: Record<string, unknown>) => unknown;
  /** Files that decide the answer, and have a checksum. */
  readonly reads: readonly string[];
}

const QUESTIONS: readonly Question[] = [
  {
    name: "predict",
    of: FINISHED,
    ask: () => tailor(["predict", WORK, join(PICTURES, "a", "0.png"), ...THREAD, "--json"]),
    answer: ({ predictions }) =>
      (predictions as Record<string, unknown>[]).map(({ milliseconds: _, ...prediction }) => prediction),
    reads: ["model.onnx"],
  },
  {
    name: "evaluate",
    of: FINISHED,
    ask: () => tailor(["evaluate", WORK, ...THREAD, "--json"]),
    answer: (printed) => printed,
    reads: ["model.onnx", "split.json"],
  },
  {
    name: "export",
    of: FINISHED,
    ask: () => tailor(["export", WORK, "--format", "safetensors", "--out", EXPORTED, "--force", "--json"]),
    answer: () => readFileSync(EXPORTED, "latin1"),
    reads: ["weights.safetensors"],
  },
  {
    name: "report",
    of: FINISHED,
    ask: () => tailor(["report", WORK, ...THREAD, "--out", EXPORTED, "--force", "--json"]),
    // The page tells when it was made; its pictures are its results.
    answer: () => readFileSync(EXPORTED, "utf8").match(/src="data:[^"]*"/g),
    reads: ["model.onnx", "metrics.jsonl", "split.json"],
  },
  {
    name: "train --resume",
    of: UNFINISHED,
    ask: () => tailor(["train", "--resume", WORK, ...THREAD, "--skip-report", "--json"]),
    answer: ({ weightsSha256, trainLoss }) => [weightsSha256, trainLoss, readMetrics(WORK)],
    // The state has the checksum of what the metrics say, not of their bytes: a line break may be missing at their end.
    reads: ["state.safetensors", "split.json"],
  },
];

const FILES = ["model.onnx", "weights.safetensors", "state.safetensors", "metrics.jsonl", "split.json", "run.json"];

/** A way to damage bytes; `draw` gives a whole number below a limit. */
type Mutation = (bytes: Buffer, draw: (below: number) => number) => Buffer;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "a flipped bit": (bytes, draw) => {
    bytes[draw(bytes.length)]! ^= 1 << draw(8);
    return bytes;
  },
  "a cut": (bytes, draw) => bytes.subarray(0, draw(bytes.length)),
  "a block of zeros": (bytes, draw) => {
    const start = draw(bytes.length);
    return bytes.fill(0, start, Math.min(bytes.length, start + 1 + draw(512)));
  },
  "a byte more": (bytes, draw) => {
    const at = draw(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(draw(256)), bytes.subarray(at)]);
  },
  "a block that is written twice": (bytes, draw) => {
    const at = draw(bytes.length);
    const block = bytes.subarray(at, at + 1 + draw(64));
    return Buffer.concat([bytes.subarray(0, at), block, bytes.subarray(at)]);
  },
};

const answers = new Map<Question, unknown>();
const figures = { cases: 0, refused: 0, same: 0 };

async function answerOf({ ask, answer }: Question): Promise<{ result: Result; answer: unknown }> {
  rmSync(EXPORTED, { force: true });
  const result = await ask();
  return { result, answer: result.code === 0 ? answer(JSON.parse(result.stdout)) : undefined };
}

function copyOf(run: string): void {
  rmSync(WORK, { recursive: true, force: true });
  cpSync(run, WORK, { recursive: true });
}

beforeAll(async () => {
  await putClasses(PICTURES, { a: 20, b: 20 }, { width: 16, height: 16 });
  const args = ["train", "tiny", "--data", PICTURES, "--size", "16", "--epochs", "2", "--batch-size", "8"];
  const { code, stderr } = await tailor([...args, ...THREAD, "--skip-report", "--out", FINISHED]);
  expect(code, stderr).toBe(0);
  cpSync(FINISHED, UNFINISHED, { recursive: true });
  // As a kill leaves it after its last checkpoint.
  const { files } = JSON.parse(readFileSync(join(FINISHED, "run.json"), "utf8")) as { files: { name: string }[] };
  const lasting = files.filter(({ name }) => name === "split.json");
  editRecord({ status: "running", result: null, files: lasting })(UNFINISHED);
  remove("weights.safetensors", "model.onnx")(UNFINISHED);
  for (const question of QUESTIONS) {
    copyOf(question.of);
    const { result, answer } = await answerOf(question);
    expect(result.code, result.stderr).toBe(0);
    answers.set(question, answer);
  }
});

afterAll(() => {
  if (process.env.HOSTILE_ROUNDS === undefined) return;
  const { cases, refused, same } = figures;
  process.stdout.write(
    `run files, seed ${SEED}: ${cases} mutations, ${refused} refused, ${same} without an effect on the answer, 0 used silently\n`,
  );
});

describe.each(QUESTIONS)("$name", (question) => {
  const files = FILES.filter(
    (name) => question.of === FINISHED || !["model.onnx", "weights.safetensors"].includes(name),
  );

  test.each(files)("with a damaged %s is refused in one message, or answers the same", async (file) => {
    const stream = randomStream(SEED, "check", 100 * QUESTIONS.indexOf(question) + FILES.indexOf(file));
    const draw = (below: number) => stream.below(below);
    const kinds = Object.entries(MUTATIONS);
    for (let round = 0; round < ROUNDS; round++) {
      copyOf(question.of);
      const path = join(WORK, file);
      const whole = readFileSync(path);
      const [kind, mutate] = kinds[draw(kinds.length)]!;
      const damaged = mutate(Buffer.from(whole), draw);
      writeFileSync(path, damaged);
      const isDamaged = !damaged.equals(whole);
      const { result, answer } = await answerOf(question);
      const what = `round ${round}: ${kind}`;
      figures.cases++;
      if (isDamaged && question.reads.includes(file)) expect(result.code, what).not.toBe(0);
      if (result.code === 0) {
        figures.same++;
        expect(answer, what).toEqual(answers.get(question));
      } else {
        figures.refused++;
        expect(isDamaged, `${what}: ${result.stderr}`).toBe(true);
        expect(refusalOf(result, result.code === 2 ? 2 : 1), what).toMatch(/\S/);
      }
    }
  });
});
