import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { add, multiply } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { type EngineProfile, profilingRuntime } from "../../src/runtime/node/profiling.ts";
import { sharedFolder } from "../training/support/small-data.ts";

const FOLDER = sharedFolder();
const TEMPORARY = join(FOLDER, "temporary");
mkdirSync(TEMPORARY);

beforeEach(() => vi.stubEnv("TMPDIR", TEMPORARY));
afterEach(() => vi.unstubAllEnvs());

/** ONNX Runtime writes other files into the same folder. */
const folders = () => readdirSync(TEMPORARY).filter((name) => name.startsWith("tailor-profile-"));

const [x, sum] = [input("x", [3]), input("sum", [3])];
/** Each run adds the square of x to `sum`. */
const program = compile(
  { name: "sums", feeds: [x], state: [{ name: "sum", input: sum, next: add(sum, multiply(x, x)) }], outputs: {} },
  { kind: "standard" },
);
const START = new Map([["sum", Float32Array.of(1, 2, 3)]]);
const X = { x: Float32Array.of(1, 2, 3) };

describe("a session with the profiler enabled", () => {
  test("computes the same, and reports every run when it is released; the trace is removed", async () => {
    const profiles: EngineProfile[] = [];
    const session = await profilingRuntime((profile) => profiles.push(profile)).open(program, { threads: 1 });
    const plain = await nodeRuntime.open(program, { threads: 1 });
    const [folder] = folders();
    expect(statSync(join(TEMPORARY, folder!)).mode & 0o077).toBe(0);
    for (const each of [session, plain]) {
      each.load(START);
      for (let run = 0; run < 2; run++) await each.run(X);
      await each.run({ x: Float32Array.of(1, 2, 3, 1, 2, 3) }, 2);
    }
    expect(await session.save()).toEqual(await plain.save());
    expect((await session.save()).get("sum")).toEqual(Float32Array.of(5, 18, 39));
    expect(profiles).toEqual([]);
    await session.release();
    await plain.release();
    expect(folders()).toEqual([]);
    expect(profiles).toHaveLength(1);
    expect(profiles[0]!.program).toBe(program);
    const step = ["multiply/v0", "add/v1"];
    expect(profiles[0]!.runs.map(({ nodes }) => nodes.map(({ node }) => node))).toEqual([
      step,
      step,
      [...step, ...step],
    ]);
  });

  test("leaves no folder behind when it cannot be opened", async () => {
    const broken = { ...program, model: program.model.slice(0, 20) };
    await expect(profilingRuntime(() => {}).open(broken, { threads: 1 })).rejects.toThrow();
    expect(folders()).toEqual([]);
  });

  test("says what to do when there is no folder for temporary files", async () => {
    vi.stubEnv("TMPDIR", join(FOLDER, "nowhere"));
    const opened = profilingRuntime(() => {}).open(program, { threads: 1 });
    await expect(opened).rejects.toThrow(
      /^cannot make a folder for ONNX Runtime's profile in .*nowhere; set TMPDIR to/,
    );
  });
});
