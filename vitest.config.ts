import { configDefaults, defineConfig } from "vitest/config";
import { WITH_PEERS } from "./test/support/thorough.ts";

const HANG_MS = 30 * 60_000;

/** Tests of tailor beside other programs: PyTorch, Chromium, Redis, Postgres, npm. `.ci/run` and `npm run test:all` run them. */
const PEERS = "test/**/*.peer.test.ts";

/** Tests with `vi.mock`. */
const MOCKING = [
  "test/data/heic-left-out.test.ts",
  "test/runs/make-folders.test.ts",
  "test/runs/whole-file-faults.test.ts",
];

export default defineConfig({
  test: {
    // One more than the cores of a small machine: a third of the time, tests wait for servers, pages and processes.
    maxWorkers: 3,
    // For the same reason a command that is started without --threads takes one.
    // Decoded pictures of tests would only fill the cache.
    env: { OMP_NUM_THREADS: "1", TAILOR_PICTURE_CACHE: "off" },
    // The files of a worker share loaded modules, which takes a quarter of the time away; not those that replace modules.
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...MOCKING, ...(WITH_PEERS ? [] : [PEERS])],
        },
      },
      { extends: true, test: { name: "mocking", include: MOCKING } },
    ],
    // No clock decides a test, however busy the machine: the limits only end what hangs.
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    // Sooner, so that what was waited for is told.
    expect: { poll: { timeout: HANG_MS / 2 } },
    globalSetup: ["test/global-setup.ts"],
    setupFiles: ["test/setup.ts"],
  },
});
