import { z } from "zod";
import { UserError } from "../errors.ts";

/** The time of one node in one run. */
export interface NodeTime {
  /** The node's name; ONNX Runtime gives nodes of its own names made from those around them, or from their operator. */
  readonly node: string;
  /** The operator that ran: `Conv`, or one that ONNX Runtime put in its place, such as `FusedMatMul`. */
  readonly operator: string;
  readonly milliseconds: number;
}

/** One run of a session as ONNX Runtime's profiler saw it. */
export interface EngineRun {
  /** The whole run, profiling included. */
  readonly milliseconds: number;
  /** In the order in which they ran. */
  readonly nodes: readonly NodeTime[];
}

/** An event of the trace (Chrome's trace format); durations are whole microseconds. */
const EVENTS = z.array(
  z.object({
    cat: z.string(),
    name: z.string(),
    dur: z.number().nonnegative(),
    args: z.object({ op_name: z.string().optional() }),
  }),
);

const KERNEL_TIME = "_kernel_time";

/** Operators that run a graph of their own, whose nodes are there one by one. */
const CONTAINERS = new Set(["Scan"]);

/**
 * Reads the trace that ONNX Runtime's profiler writes. Each event is written when it ends, so a run's nodes stand before
 * the run itself (`model_run`).
 *
 * @throws UserError when the text is no such trace: cut off by a full disk, say
 */
export function readTrace(text: string): EngineRun[] {
  const runs: EngineRun[] = [];
  let nodes: NodeTime[] = [];
  for (const { cat, name, dur, args } of eventsOf(text)) {
    if (cat === "Node" && name.endsWith(KERNEL_TIME)) {
      if (CONTAINERS.has(args.op_name ?? "")) continue;
      const node = name.slice(0, -KERNEL_TIME.length);
      nodes.push({ node, operator: args.op_name ?? "", milliseconds: dur / 1000 });
    } else if (cat === "Session" && name === "model_run") {
      runs.push({ milliseconds: dur / 1000, nodes });
      nodes = [];
    }
  }
  return runs;
}

function eventsOf(text: string): z.infer<typeof EVENTS> {
  try {
    return EVENTS.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      "ONNX Runtime's profile cannot be read; is there room in the folder for temporary files (TMPDIR)?",
      { cause },
    );
  }
}
