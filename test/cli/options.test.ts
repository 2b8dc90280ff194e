import { expect, expectTypeOf, test } from "vitest";
import { defineCommand, type OptionSpec, type OptionsOf } from "../../src/cli/command.ts";
import { type CUSTOM_DATA_OPTION, dataToTrain } from "../../src/cli/custom-data.ts";
import type { Output } from "../../src/cli/output.ts";
import { threads, wholeNumber } from "../../src/cli/parse.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

/** The compiler checks this file with all others: what must not compile is marked, and is an error where it does. */

const OPTIONS = [
  { flags: "--epochs <n>", description: "a value" },
  { flags: "--batch-size <n>", description: "two words" },
  { flags: "--fit <how>", description: "a choice", choices: ["crop", "pad"] },
  { flags: "--over <field=values>", description: "repeatable", isRepeatable: true },
  { flags: "--skip-unreadable", description: "a switch" },
] as const satisfies readonly OptionSpec[];

test("the type of options follows from their declaration", () => {
  expectTypeOf<OptionsOf<typeof OPTIONS>>().toEqualTypeOf<{
    readonly epochs: string | undefined;
    readonly batchSize: string | undefined;
    readonly fit: "crop" | "pad" | undefined;
    readonly over: readonly string[] | undefined;
    readonly skipUnreadable: true | undefined;
  }>();
});

test("a command cannot read an option that it does not declare, nor one of another kind as a number", async () => {
  const read: unknown[] = [];
  const command = defineCommand({
    name: "try",
    arguments: [],
    options: OPTIONS,
    examples: [],
    async run(_arguments, options, output) {
      read.push(wholeNumber(options, "epochs"), options.fit);
      // @ts-expect-error a slip of the finger
      read.push(wholeNumber(options, "epcohs"), options.epcohs);
      // @ts-expect-error a switch has no value
      wholeNumber(options, "skipUnreadable");
      // @ts-expect-error --threads is not declared
      read.push(typeof threads(options));
      // @ts-expect-error neither --data nor all options about pictures are declared
      read.push(() => dataToTrain(options, output));
      return 0;
    },
  });
  await command.run([], { epochs: "3", fit: "pad" }, {} as Output);
  expect(read.slice(0, 5)).toEqual([3, "pad", undefined, undefined, "number"]);
  const refused = userErrorOf(() => wholeNumber({ batchSize: "x" }, "batchSize"));
  expect(refused.message).toBe('--batch-size must be a whole number from 1 up, got "x"');
  expectTypeOf<OptionsOf<readonly [typeof CUSTOM_DATA_OPTION]>>().toEqualTypeOf<{
    readonly data: string | undefined;
  }>();
});
