/** Debian's PyTorch and torchvision, if they are there. */
import { spawn, spawnSync } from "node:child_process";
import { expect, type TestContext } from "vitest";

const PYTHON = "/usr/bin/python3";
let hasTorch: boolean | undefined;

/** Skips the test where PyTorch is missing; with REQUIRE_PEERS=1 that is a failure. */
export function needTorch(context: TestContext): void {
  // Takes a second: only where a test needs it.
  hasTorch ??= spawnSync(PYTHON, ["-c", "import torch, torchvision, numpy"]).status === 0;
  if (hasTorch) return;
  expect(process.env.REQUIRE_PEERS, "the Debian packages python3-torch and python3-torchvision are required").not.toBe(
    "1",
  );
  context.skip("needs the Debian packages python3-torch and python3-torchvision");
}

/** Runs Python to its end and returns what it printed. One thread, as other tests run concurrently. */
export async function python(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(PYTHON, args, { env: { ...process.env, OMP_NUM_THREADS: "1", ...env } });
  const said = { out: "", error: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.error += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect({ code, error: code === 0 ? "" : said.error }).toEqual({ code: 0, error: "" });
  return said.out;
}
