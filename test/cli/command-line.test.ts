import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { commandLine } from "../../src/cli/wording.ts";
import { shellWord } from "../../src/text.ts";

test("a command line is repeated as typed, without options that only affect the output", () => {
  const options = { quick: true, faithful: undefined, allowDifferent: true, seeds: "2", json: true, verbose: true };
  expect(commandLine("study", options)).toBe("node bin/tailor.js study --quick --allow-different --seeds 2");
  expect(commandLine("ablate", {})).toBe("node bin/tailor.js ablate");
});

test("words that a shell takes as they are stay so, others are quoted", () => {
  expect(["runs/best-1", "~/runs", "./a_b.c"].map(shellWord)).toEqual(["runs/best-1", "~/runs", "./a_b.c"]);
  expect(["my runs", "it's", "$HOME", ""].map(shellWord)).toEqual(["'my runs'", "'it'\\''s'", "'$HOME'", "''"]);
});

test.each(["plain/path-1", "it's here", "$(rm x)", "two  blanks", 'say "so"', "", "a\\b", "*"])(
  "a shell reads %j back as one word",
  (folder) => {
    const line = commandLine("study", { out: folder }).replace("node bin/tailor.js", "printf '%s\\n'");
    expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe(`study\n--out\n${folder}\n`);
  },
);
