/**
 * Mutation testing: each mutation of `mutations.js` changes one line of src like a typical mistake, and its tests must
 * fail. A mutation that survives shows a missing test.
 *
 *     npm run test:sabotage                      all of them: half an hour on two cores
 *     npm run test:sabotage -- --only schedules  those whose text or tests contain this text
 *     npm run test:sabotage -- --from 120        from the 120th on
 *     npm run test:sabotage -- --every 8         a sample: every eighth
 *     npm run test:sabotage -- --list            lists them without running
 *
 * Works in a copy in the temporary folder, which is removed at the end; the checkout is only read. First the tests must
 * pass on the unchanged code (`--green` skips this). Exit code 1: a mutation survived or does not match src.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { placesOf, sourceTexts } from "./files.js";
import { MUTATIONS } from "./mutations.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Files that the tests need. */
const COPIED = ["src", "test", "docs", "examples", "package.json", "tsconfig.json", "vitest.config.ts"];
/** Timeout: a mutation that makes a loop endless counts as detected. No test here takes a tenth of this. */
const HANG_MS = 15 * 60_000;

/** Copies the project into a temporary folder; `node_modules` is a link. */
function copyProject() {
  const copy = mkdtempSync(join(tmpdir(), "sabotage-"));
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** The running test runner, if any. */
let running;

/** Runs test files until the first failure. @returns null when they pass, or the name of the failed test */
async function firstFailure(copy, tests) {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const options = ["--bail", "1", "--reporter", "json", "--outputFile", report];
  const child = spawn(process.execPath, [vitest, "run", ...tests, ...options], {
    cwd: copy,
    stdio: "ignore",
    // A separate process group, so that a worker in an endless loop is killed with it.
    detached: true,
  });
  let hangs = false;
  running = child;
  const limit = setTimeout(() => {
    hangs = true;
    process.kill(-child.pid, "SIGKILL");
  }, HANG_MS);
  const code = await new Promise((resolve) => child.on("exit", resolve));
  running = undefined;
  clearTimeout(limit);
  if (hangs) return "(hung)";
  return code === 0 ? null : failureIn(report);
}

function failureIn(report) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    return "(the test runner ended without a report)";
  }
  const failed = results.flatMap(({ assertionResults }) => assertionResults).find(({ status }) => status === "failed");
  return failed?.fullName ?? results.find(({ message }) => message)?.message.split("\n")[0] ?? "(no name)";
}

/** Applies a mutation in the copy, runs its tests, and restores the file. */
async function tryMutation(copy, { find, replace, tests }) {
  const texts = sourceTexts(copy);
  const [path] = placesOf(find, texts);
  const text = texts.get(path);
  // A function, as "$" has a special meaning in a replacement string.
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  try {
    return await firstFailure(copy, tests);
  } finally {
    writeFileSync(path, text);
  }
}

const describe = ({ find, replace }) => `${find.trim()}  ->  ${replace.trim() || "(nothing)"}`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    from: { type: "string", default: "1" },
    every: { type: "string", default: "1" },
    list: { type: "boolean" },
    green: { type: "boolean" },
  },
});
const numbered = MUTATIONS.map((mutation, i) => ({ ...mutation, number: i + 1 }));
const chosen = numbered
  .filter(({ number }) => number >= Number(options.from))
  .filter((mutation) => [describe(mutation), ...mutation.tests].some((text) => text.includes(options.only ?? "")))
  .filter((_, i) => i % Number(options.every) === 0);

const texts = sourceTexts(ROOT);
const misfits = chosen.filter(({ find }) => placesOf(find, texts).length !== 1);
for (const { number, find } of misfits)
  console.log(`${number}: stands ${placesOf(find, texts).length} times in src: ${find}`);

if (misfits.length > 0) process.exitCode = 1;
else if (options.list)
  for (const one of chosen) console.log(`${one.number}: ${describe(one)}  (${one.tests.join(", ")})`);
else await run();

async function run() {
  const copy = copyProject();
  process.on("exit", () => {
    if (running) process.kill(-running.pid, "SIGKILL");
    rmSync(copy, { recursive: true, force: true, maxRetries: 20 });
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
  const broken = options.green ? null : await firstFailure(copy, [...new Set(chosen.flatMap(({ tests }) => tests))]);
  if (broken !== null) {
    console.log(`the tests fail as the code stands: ${broken}`);
    process.exitCode = 1;
    return;
  }
  const survivors = [];
  for (const mutation of chosen) {
    const failure = await tryMutation(copy, mutation);
    if (failure === null) survivors.push(mutation);
    const verdict = failure === null ? `SURVIVED ${mutation.tests.join(", ")}` : `caught by: ${failure}`;
    console.log(`${mutation.number}: ${describe(mutation)}\n    ${verdict}`);
  }
  console.log(`${chosen.length - survivors.length} of ${chosen.length} caught`);
  if (survivors.length > 0) process.exitCode = 1;
}
