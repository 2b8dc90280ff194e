/**
 * Lists the licences of the packages that tailor is installed with, as npm's lock file has them.
 *
 *   npm run licences
 *
 * Packages for other platforms are listed as well. Exits with 1 when one states no licence and
 * has no file of it either.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Only needed to build the page, which contains them. */
const IN_PAGE = ["@fontsource-variable/instrument-sans", "onnxruntime-web", "react", "react-dom", "scheduler"];
const LICENCE_FILE = /^(licen[cs]e|copying)/i;

const { packages } = JSON.parse(readFileSync(`${ROOT}package-lock.json`, "utf8"));
const byLicence = new Map();
for (const [path, { version, license, dev, link }] of Object.entries(packages)) {
  const isShipped = !dev || IN_PAGE.some((name) => path === `node_modules/${name}`);
  if (path === "" || link || !isShipped) continue;
  const licence = license ?? fileOf(path);
  const names = byLicence.get(licence) ?? [];
  byLicence.set(licence, [...names, `${path.replace(/^.*node_modules\//, "")} ${version}`]);
}
for (const [licence, names] of [...byLicence].sort(([a], [b]) => String(a).localeCompare(String(b)))) {
  console.log(`${licence ?? "no licence found"} (${names.length})\n  ${names.join("\n  ")}`);
}
if (byLicence.has(undefined)) process.exitCode = 1;

/** Where a package that states no licence has it. */
function fileOf(path) {
  const file = readdirSync(`${ROOT}${path}`).find((name) => LICENCE_FILE.test(name));
  return file && `not stated, see ${path}/${file}`;
}
