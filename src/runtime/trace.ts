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

/** Bytes, as text. */
const size = z.coerce.number().nonnegative().optional();

/** An event of the trace (Chrome's trace format); durations are whole microseconds. */
const EVENTS = z.array(
  z.object({
    cat: z.string(),
    name: z.string(),
    dur: z.number().nonnegative(),
    args: z.object({
      op_name: z.string().optional(),
      provider: z.string().optional(),
      activation_size: size,
      parameter_size: size,
      output_size: size,
    }),
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

/** A node that ran, in a trace of a session on the GPU. */
export interface DeviceNode {
  readonly node: string;
  readonly operator: string;
  /** `WebGpuExecutionProvider`, or `CPUExecutionProvider` for one that ran on the processor. */
  readonly provider: string;
  /** Size of its inputs and outputs together. */
  readonly bytes: number;
}

/** What a session on the GPU did in all of its runs. */
export interface GpuTrace {
  readonly runs: number;
  readonly nodes: readonly DeviceNode[];
  /** Launches of kernels, each with the name of its node. A node may launch several, or none: Reshape moves nothing. */
  readonly launches: readonly { readonly node: string }[];
}

/**
 * Parses a trace of ONNX Runtime's profiler for a session on the GPU. Its kernels have a clock of their own, and their
 * events come last, for all runs together.
 *
 * @throws UserError as `readTrace`
 */
export function readGpuTrace(text: string): GpuTrace {
  const events = eventsOf(text);
  return {
    runs: events.filter(({ cat, name }) => cat === "Session" && name === "model_run").length,
    nodes: events
      .filter(({ cat, name }) => cat === "Node" && name.endsWith(KERNEL_TIME))
      .map(({ name, args: { op_name = "", provider = "", ...args } }) => ({
        node: name.slice(0, -KERNEL_TIME.length),
        operator: op_name,
        provider,
        bytes: (args.activation_size ?? 0) + (args.parameter_size ?? 0) + (args.output_size ?? 0),
      })),
    // Named `NODE&OPERATOR&KERNEL`.
    launches: events.filter(({ cat }) => cat === "Api").map(({ name }) => ({ node: name.split("&")[0]! })),
  };
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
