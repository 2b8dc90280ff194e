import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // ONNX Runtime sessions use both cores by themselves: test files side by side would only get in each other's way.
    maxWorkers: 2,
    testTimeout: 60_000,
    setupFiles: ["test/setup.ts"],
  },
});
