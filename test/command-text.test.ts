import { expect, test } from "vitest";
import { resumeCommand, shellWord } from "../src/command-text.ts";

test("words that a shell takes as they are stay so, others are quoted", () => {
  expect(["runs/best-1", "~/runs", "./a_b.c"].map(shellWord)).toEqual(["runs/best-1", "~/runs", "./a_b.c"]);
  expect(["my runs", "it's", "$HOME", ""].map(shellWord)).toEqual(["'my runs'", "'it'\\''s'", "'$HOME'", "''"]);
});

test("the command that goes on with a run can be typed as it is told", () => {
  expect(resumeCommand("runs/best")).toBe("node bin/tailor.js train --resume runs/best");
  expect(resumeCommand("my runs/best")).toBe("node bin/tailor.js train --resume 'my runs/best'");
});
