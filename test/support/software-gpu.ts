import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";

/** Where Debian's chromium has a Vulkan loader and SwiftShader, a GPU in software. */
const CHROMIUM = "/usr/lib/chromium";
const ICD = join(CHROMIUM, "vk_swiftshader_icd.json");

/** Environment of processes that use it. */
export const SOFTWARE_GPU = { LD_LIBRARY_PATH: CHROMIUM, VK_ICD_FILENAMES: ICD, VK_DRIVER_FILES: undefined };

/** Skips the test where it is missing; with REQUIRE_PEERS=1 that is a failure. */
export function needSoftwareGpu(context: TestContext): void {
  if (existsSync(ICD)) return;
  expect(process.env.REQUIRE_PEERS, "the Debian package chromium is required").not.toBe("1");
  context.skip("needs the Debian package chromium, for its software GPU");
}
