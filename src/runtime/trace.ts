import { z } from "zod";
import { UserError } from "../errors.ts";

/** Execution time of one node in one run. */
export interface NodeTime {
  /** The node's name; ONNX Runtime names nodes that it inserts after those around them, or after their operator. */
  readonly node: string;
  /** The operator that ran: `Conv`, or a replacement by ONNX Runtime such as `FusedMatMul`. */
  readonly operator: string;
  readonly milliseconds: number;
}

/** One run of a session as recorded by ONNX Runtime's profiler. */
export interface EngineRun {
  /** Duration of the whole run, including profiling overhead. */
  readonly milliseconds: number;
  /** In execution order. */
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

/** Operators with a subgraph, whose nodes are in the trace themselves. */
const CONTAINERS = new Set(["Scan"]);

/**
 * Parses a trace of ONNX Runtime's profiler. Events are written when they end, so a run's nodes precede the run itself
 * (`model_run`).
 *
 * @throws UserError when the text is not such a trace: truncated by a full disk, say
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
