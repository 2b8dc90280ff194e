// Builds (`npm run build`), unless nothing that the build reads changed since: `npm ci` builds already, and the tests that
// follow need not build again.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INPUTS = [
  "src",
  "web",
  "scripts/clean.js",
  "scripts/declarations.js",
  "package-lock.json",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "vite.config.ts",
];
/** What the build writes first and last. */
const [FIRST, LAST] = ["build/index.js", "dist/web/index.html"];

/** @returns the time of its last change in milliseconds, or undefined */
const changedAt = (path) => statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs;

/** A path, and what is in it: folders too, whose time tells of removed files. */
function* within(path) {
  yield path;
  if (!statSync(join(ROOT, path)).isDirectory()) return;
  for (const name of readdirSync(join(ROOT, path), { recursive: true })) yield join(path, name);
}

function isBuilt() {
  const built = changedAt(FIRST);
  if (built === undefined || changedAt(LAST) === undefined) return false;
  return INPUTS.flatMap((input) => [...within(input)]).every((path) => changedAt(path) < built);
}

if (!isBuilt()) process.exitCode = spawnSync("npm", ["run", "build"], { cwd: ROOT, stdio: "inherit" }).status ?? 1;
