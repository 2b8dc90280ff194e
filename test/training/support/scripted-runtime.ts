/** A fake runtime: sessions return scripted results and record their inputs. */
import type { CompiledProgram } from "../../../src/compile/compile.ts";
import { sizeOf } from "../../../src/graph/shape.ts";
import type { Runtime, Session, TensorData } from "../../../src/runtime/runtime.ts";

export interface Script {
  /** The batch's loss at each step, from 0. */
  readonly loss?: (step: number) => number;
  /** Correct images of each step's batch. */
  readonly correct?: (step: number) => number;
  /** One logit of an evaluated image, by its row in the batch. */
  readonly logit?: (row: number, label: number) => number;
  /** Default 10. */
  readonly classes?: number;
  /** Each number of a batch's statistics. Default 0. */
  readonly statistic?: number;
  /** What becomes of a number of the state with each step. */
  readonly update?: (value: number, step: number) => number;
}

/** Recorded calls of the sessions. */
export interface Recording {
  /** Feeds of each training step, copied. */
  readonly steps: Record<string, TensorData>[];
  /** Steps of each run of the engine. */
  readonly runs: number[];
  /** What the validation session was given: the first number of each tensor. */
  readonly validated: Record<string, number>[];
  opened: number;
  released: number;
}

/** @returns a runtime, and the recording of its use */
export function scriptedRuntime({
  loss = () => 1,
  correct = () => 0,
  logit = () => 0,
  classes = 10,
  statistic = 0,
  update = (value) => value,
}: Script = {}): { runtime: Runtime; recording: Recording } {
  const recording: Recording = { steps: [], runs: [], validated: [], opened: 0, released: 0 };

  function training(program: CompiledProgram): Session {
    let tensors = new Map<string, Float32Array>();
    return {
      load: (given) => {
        tensors = new Map(program.state.map(({ name }) => [name, given.get(name)!.slice()]));
      },
      save: async () => new Map([...tensors].map(([name, data]) => [name, data.slice()])),
      async run(feeds, steps = 1) {
        const answers: Record<string, number[]> = { loss: [], correct: [], objective: [] };
        recording.runs.push(steps);
        for (let i = 0; i < steps; i++) {
          const step = recording.steps.length;
          const fed = Object.entries(feeds).map(([name, data]) => {
            const size = data.length / steps;
            return [name, data.slice(i * size, (i + 1) * size)] as const;
          });
          recording.steps.push(Object.fromEntries(fed));
          for (const data of tensors.values()) data.set(data.map((value) => update(value, step)));
          answers.loss!.push(loss(step));
          answers.correct!.push(correct(step));
          answers.objective!.push(1e6);
        }
        return Object.fromEntries(Object.entries(answers).map(([name, values]) => [name, Float32Array.from(values)]));
      },
      async release() {
        recording.released++;
      },
    };
  }

  function evaluation(program: CompiledProgram): Session {
    const rows = program.feeds[0]!.shape[0]!;
    const logits = Float32Array.from({ length: rows * classes }, (_, i) => logit(Math.floor(i / classes), i % classes));
    return {
      load: (given) => {
        recording.validated.push(Object.fromEntries([...given].map(([name, data]) => [name, data[0]!])));
      },
      save: async () => new Map(),
      run: async () => ({ logits }),
      async release() {
        recording.released++;
      },
    };
  }

  function statistics(program: CompiledProgram): Session {
    const outputs = program.outputs.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape)).fill(statistic)]);
    return {
      load: () => {},
      save: async () => new Map(),
      run: async () => Object.fromEntries(outputs),
      async release() {
        recording.released++;
      },
    };
  }

  const runtime: Runtime = {
    version: "0.0.0",
    lowerings: async () => [{ kind: "standard" }],
    async open(program) {
      recording.opened++;
      if (program.state.length > 0) return training(program);
      return program.outputs.some(({ name }) => name === "logits") ? evaluation(program) : statistics(program);
    },
  };
  return { runtime, recording };
}
