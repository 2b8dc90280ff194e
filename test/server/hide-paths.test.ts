import { homedir } from "node:os";
import { expect, test } from "vitest";
import { pathHider } from "../../src/server/errors.ts";

const hide = pathHider(["/srv/my models/runs", undefined, "../data", "."]);

test.each([
  [
    "in a folder that is known",
    "cannot write /srv/my models/runs/a/state.safetensors: it is a folder (EISDIR)",
    "cannot write a/state.safetensors: it is a folder (EISDIR)",
  ],
  ["a known folder itself", "/srv/my models/runs has no runs", "runs has no runs"],
  [
    "a relative one as it was typed",
    "../data/train-labels is damaged; see ../data",
    "train-labels is damaged; see data",
  ],
  ["in the user's folder", `${homedir()}/some where/x.gz`, "some where/x.gz"],
  ["elsewhere, quoted or bracketed", 'no "/opt/x/y.ts", (/opt/z) or /a', 'no "y.ts", (z) or a'],
  ["Windows'", "cannot read C:\\Users\\me\\run.json: no", "cannot read run.json: no"],
  ["several lines", "Tried:\n  cache: /var/a/b: gone\n  /var/c", "Tried:\n  cache: b: gone\n  c"],
  ["a longer name that begins alike", "/srv/my models/runs2/x", "my models/runs2/x"],
])("paths: %s", (_, message, shown) => {
  expect(hide(message)).toBe(shown);
});

test.each([
  "https://example.org/a/b.gz answered 404",
  "128 images/s, and/or 3/4, 2026/01/31",
  "use --limit 600 or less",
  "a/state.safetensors: damaged",
])("other text is unchanged: %s", (message) => {
  expect(hide(message)).toBe(message);
});
