import { defineConfig } from "vitest/config";

const HANG_MS = 30 * 60_000;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // ONNX Runtime sessions use both cores by themselves: test files side by side would only get in each other's way.
    maxWorkers: 2,
    // The files of a worker share loaded modules, which takes a quarter of the time away.
    isolate: false,
    // No clock decides a test, however busy the machine: the limits only end what hangs.
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    // Sooner, so that what was waited for is told.
    expect: { poll: { timeout: HANG_MS / 2 } },
    setupFiles: ["test/setup.ts"],
  },
});
