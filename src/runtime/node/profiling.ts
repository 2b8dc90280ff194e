import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import type { CompiledProgram } from "../../compile/compile.ts";
import { UserError } from "../../errors.ts";
import type { Runtime, Session, SessionOptions } from "../runtime.ts";
import { type EngineRun, readTrace } from "../trace.ts";
import { nodeRuntime } from "./index.ts";
import { openSession } from "./session.ts";

/** Profile of a session: its program, and all of its runs. */
export interface EngineProfile {
  readonly program: CompiledProgram;
  readonly runs: readonly EngineRun[];
}

/**
 * The Node runtime with ONNX Runtime's profiler enabled: the same results, slower by a few microseconds per node. The
 * trace grows with every run (about 600 bytes per node) and is read when a session is released, so sessions should be
 * short. Until then it is stored in a temporary folder that only this user can read.
 *
 * @param onProfile called when a session is released
 */
export function profilingRuntime(onProfile: (profile: EngineProfile) => void): Runtime {
  return tracingRuntime(nodeRuntime, openSession, (program, trace) => onProfile({ program, runs: readTrace(trace) }));
}

/** Session options by which ONNX Runtime writes a trace. */
export type TraceOptions = Required<Pick<InferenceSession.SessionOptions, "enableProfiling" | "profileFilePrefix">>;

/**
 * A runtime whose sessions are traced.
 *
 * @param open opens a session with these options; its trace must be written once it is released
 * @param onTrace called when a session is released, with what ONNX Runtime wrote
 */
export function tracingRuntime(
  runtime: Runtime,
  open: (program: CompiledProgram, options: SessionOptions, tracing: TraceOptions) => Promise<Session>,
  onTrace: (program: CompiledProgram, trace: string) => void,
): Runtime {
  return {
    ...runtime,
    async open(program, options) {
      const folder = makeFolder();
      const remove = () => rmSync(folder, { recursive: true, force: true });
      try {
        const session = await open(program, options, {
          enableProfiling: true,
          profileFilePrefix: join(folder, "trace"),
        });
        return {
          load: (tensors) => session.load(tensors),
          save: () => session.save(),
          run: (feeds, steps) => session.run(feeds, steps),
          async release() {
            try {
              await session.release();
              onTrace(program, readFirstFile(folder));
            } finally {
              remove();
            }
          },
        };
      } catch (error) {
        remove();
        throw error;
      }
    },
  };
}

function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), "tailor-profile-"));
  } catch (cause) {
    throw new UserError(
      `cannot make a folder for ONNX Runtime's profile in ${tmpdir()}; set TMPDIR to one that can be written`,
      { cause },
    );
  }
}

/** Reads the first file of a folder, that of the program: ONNX Runtime appends date and time to the given name. */
function readFirstFile(folder: string): string {
  const [name] = readdirSync(folder).sort();
  return name === undefined ? "" : readFileSync(join(folder, name), "utf8");
}
