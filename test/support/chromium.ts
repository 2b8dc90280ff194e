import { spawnSync } from "node:child_process";
import { expect, type TestContext } from "vitest";

const hasChromium = spawnSync("chromium", ["--version"]).status === 0;

/** Skips the test where Chromium is missing; with REQUIRE_PEERS=1 that is a failure. */
export function needChromium(context: TestContext): void {
  if (hasChromium) return;
  expect(process.env.REQUIRE_PEERS, "the Debian package chromium is required").not.toBe("1");
  context.skip("needs the Debian package chromium");
}
