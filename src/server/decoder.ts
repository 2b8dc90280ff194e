import { availableParallelism } from "node:os";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { DecodingCost } from "../formats/node/image-file.ts";
import type { PictureTarget } from "../prediction/node/prepare-picture.ts";
import { counted } from "../text.ts";
import { HttpError, overloaded } from "./errors.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** Limits of decoding pictures. */
export interface DecodingBudget {
  /** Pictures of at most this much work (`DecodingCost`) are small. */
  readonly smallWork: number;
  /** Pictures of more work are refused. */
  readonly mostWork: number;
  /** Maximum memory of the large pictures that are decoded at once, by their headers; and of a process, as it turns out. */
  readonly memory: number;
  readonly processMemory: number;
  /** A small picture that takes longer is treated as a large one. */
  readonly smallSeconds: number;
  /** A large picture that takes longer is refused. */
  readonly largeSeconds: number;
  /** Maximum number of large pictures that wait or are decoded. */
  readonly large: number;
}

/**
 * Small: decoded in 0.1 s. The most: 6 s, with which all of 50 megapixels are accepted except extremely narrow ones. Of memory, what
 * AVIF of 16 megapixels takes. The seconds are for busy machines.
 */
export const DECODING_BUDGET: DecodingBudget = {
  smallWork: 16e6,
  mostWork: 1e9,
  memory: 320 * 2 ** 20,
  processMemory: 512 * 2 ** 20,
  smallSeconds: 5,
  largeSeconds: 30,
  large: 32,
};

/** Forms of more bytes are treated as large pictures: many small parts take long to read. */
const SMALL_FORM_BYTES = 2 ** 20;
/** What reading a form takes for each byte, at most. */
const FORM_COST = { work: 30, memory: 16 };

/** A picture to decode: a request's body. */
export interface PictureRequest {
  readonly body: Uint8Array;
  /** Its media type, and the whole Content-Type. */
  readonly type: string;
  readonly contentType: string;
  /** The network that it is prepared for. */
  readonly target: PictureTarget;
}

/** Message to the decoding process. */
export interface DecodingTask extends PictureRequest {
  readonly id: number;
  /** Of a picture of more work or memory, only the cost is returned. */
  readonly mostCost: Pick<DecodingCost, "work" | "memory">;
  /** The process ends itself when it has more. */
  readonly processMemory: number;
}

/** Messages of the decoding process. */
export type FromDecoder =
  | { readonly kind: "prepared"; readonly id: number; readonly pixels: Uint8Array }
  | { readonly kind: "costly"; readonly id: number; readonly cost: DecodingCost }
  | {
      readonly kind: "refused";
      readonly id: number;
      readonly status: ContentfulStatusCode;
      readonly code: string;
      readonly message: string;
    }
  /** An internal error. */
  | { readonly kind: "crashed"; readonly id: number; readonly message: string }
  | { readonly kind: "outOfMemory" };

export interface Decoder {
  /**
   * Decodes a picture and prepares it for a network.
   *
   * @returns pixels 0 to 255, [channels, height, width]
   * @throws HttpError 400 when that is impossible or takes more than the budget, 503 when too many large ones wait
   */
  prepare(request: PictureRequest): Promise<Uint8Array>;
  /** Ends the processes. */
  close(): Promise<void>;
}

interface Job {
  readonly id: number;
  readonly request: PictureRequest;
  /** Smallest first. */
  readonly rank: number;
  readonly memory: number;
  readonly resolve: (pixels: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  /** Whether its process ended while others were decoded too: next time it is decoded alone, to see whose fault it was. */
  isSuspect: boolean;
}

/**
 * Decodes pictures in two processes: one for small ones, which first looks at every picture's header, and one for those that
 * turn out to be large; so large ones never keep small ones waiting, and neither keeps a thread of the server busy. In each, the
 * cheapest go first.
 */
export function createDecoder(log: (line: string) => void, budget: DecodingBudget = DECODING_BUDGET): Decoder {
  const cores = availableParallelism();
  const refusal = (why: string) => new HttpError(400, "bad_image", `The image ${why}; make it smaller.`);
  const tooCostly = ({ width, height, work }: DecodingCost) => {
    const why = work > budget.mostWork ? "takes too long" : "takes too much memory";
    return refusal(`of ${width} x ${height} pixels ${why} to decode`);
  };
  let ids = 0;
  let largeJobs = 0;

  const large = createLane({
    atOnce: Math.max(1, Math.min(4, cores >> 1)),
    memory: budget.memory,
    processMemory: budget.processMemory,
    mostCost: { work: budget.mostWork, memory: budget.memory },
    seconds: budget.largeSeconds,
    onLate: ({ reject }) => reject(refusal(`takes more than ${counted(budget.largeSeconds, "second")} to decode`)),
    onCostly: ({ reject }, cost) => reject(tooCostly(cost)),
    log,
  });

  /** What the small lane does not decode. */
  const enlarge = ({ id, request, resolve, reject }: Job, { work, memory }: Pick<DecodingCost, "work" | "memory">) => {
    if (largeJobs >= budget.large) return reject(overloaded());
    largeJobs++;
    const done = <Value>(then: (value: Value) => void) => {
      return (value: Value) => {
        largeJobs--;
        then(value);
      };
    };
    large.add({ id, request, rank: work, memory, isSuspect: false, resolve: done(resolve), reject: done(reject) });
  };

  const small = createLane({
    atOnce: Math.max(2, Math.min(4, cores)),
    memory: Number.POSITIVE_INFINITY,
    processMemory: budget.processMemory,
    mostCost: { work: budget.smallWork, memory: budget.memory },
    seconds: budget.smallSeconds,
    // Its true cost is unknown, so it goes last and alone.
    onLate: (job) => enlarge(job, { work: budget.mostWork, memory: budget.memory }),
    onCostly(job, cost) {
      if (cost.work > budget.mostWork || cost.memory > budget.memory) job.reject(tooCostly(cost));
      else enlarge(job, cost);
    },
    log,
  });

  return {
    prepare: (request) =>
      new Promise((resolve, reject) => {
        const { length } = request.body;
        const job: Job = { id: ids++, request, rank: length, memory: 0, isSuspect: false, resolve, reject };
        const isLargeForm = request.type === "multipart/form-data" && length > SMALL_FORM_BYTES;
        if (isLargeForm) enlarge(job, { work: length * FORM_COST.work, memory: length * FORM_COST.memory });
        else small.add(job);
      }),
    async close() {
      await Promise.all([small.close(), large.close()]);
    },
  };
}

interface LaneOptions {
  /** Maximum number of pictures that are decoded at once. */
  readonly atOnce: number;
  /** Maximum sum of their memory; one may always start. */
  readonly memory: number;
  readonly processMemory: number;
  readonly mostCost: DecodingTask["mostCost"];
  readonly seconds: number;
  readonly onLate: (job: Job) => void;
  readonly onCostly: (job: Job, cost: DecodingCost) => void;
  readonly log: (line: string) => void;
}

/** A decoding process, started when needed, and the pictures that wait for it. */
interface Lane {
  add(job: Job): void;
  close(): Promise<void>;
}

interface Running {
  readonly process: WorkerProcess<DecodingTask>;
  readonly jobs: Map<number, { readonly job: Job; readonly timer: NodeJS.Timeout }>;
}

function createLane(options: LaneOptions): Lane {
  const { atOnce, processMemory, mostCost, seconds, onLate, onCostly, log } = options;
  /** Lowest rank first. */
  const waiting: Job[] = [];
  let running: Running | undefined;
  const ending = new Set<Promise<unknown>>();

  const add = (job: Job) => {
    const at = waiting.findIndex(({ rank }) => rank > job.rank);
    waiting.splice(at < 0 ? waiting.length : at, 0, job);
    next();
  };

  const next = () => {
    for (let job = waiting[0]; job && mayStart(job); job = waiting[0]) {
      waiting.shift();
      start(job);
    }
  };

  const mayStart = (job: Job) => {
    const others = [...(running?.jobs.values() ?? [])].map((one) => one.job);
    if (others.length === 0) return true;
    if (job.isSuspect || others.some(({ isSuspect }) => isSuspect)) return false;
    return others.length < atOnce && others.reduce((sum, { memory }) => sum + memory, job.memory) <= options.memory;
  };

  const start = (job: Job) => {
    running ??= launch();
    const own = running;
    const timer = setTimeout(() => {
      finish(own, job.id);
      end(own);
      onLate(job);
    }, seconds * 1000);
    own.jobs.set(job.id, { job, timer });
    own.process.send({ ...job.request, id: job.id, mostCost, processMemory });
  };

  const finish = (own: Running, id: number): Job | undefined => {
    const found = own.jobs.get(id);
    if (!found) return undefined;
    clearTimeout(found.timer);
    own.jobs.delete(id);
    return found.job;
  };

  const takeAll = (own: Running): Job[] => [...own.jobs.keys()].map((id) => finish(own, id)!);

  /** Kills the process; what else it was decoding starts again in another one. */
  const end = (own: Running) => {
    if (running === own) running = undefined;
    const jobs = takeAll(own);
    own.process.kill();
    for (const job of jobs) add(job);
    next();
  };

  /** The process has ended by itself: a crash, or too much memory. */
  const lose = (own: Running) => {
    if (running === own) running = undefined;
    const jobs = takeAll(own);
    if (jobs.length === 1) jobs[0]!.reject(UNDECODABLE);
    else for (const job of jobs) add(Object.assign(job, { isSuspect: true }));
    next();
  };

  const launch = (): Running => {
    let isOutOfMemory = false;
    const onMessage = (message: FromDecoder) => {
      if (message.kind === "outOfMemory") {
        isOutOfMemory = true;
        return;
      }
      const job = finish(own, message.id);
      if (!job) return;
      switch (message.kind) {
        case "prepared":
          job.resolve(message.pixels);
          break;
        case "costly":
          onCostly(job, message.cost);
          break;
        case "refused":
          job.reject(new HttpError(message.status, message.code, message.message));
          break;
        case "crashed":
          job.reject(new Error(`a picture could not be decoded: ${message.message}`));
          break;
        default:
          message satisfies never;
      }
      next();
    };
    const process = startWorker<DecodingTask, FromDecoder>("server/decode-worker", onMessage, { isSmall: true });
    const own: Running = { process, jobs: new Map() };
    const ended = process.ended.then((reason) => {
      ending.delete(ended);
      if (own.jobs.size > 0)
        log(`the process that decodes pictures ${isOutOfMemory ? "took too much memory" : reason}`);
      lose(own);
    });
    ending.add(ended);
    return own;
  };

  return {
    add,
    async close() {
      for (const { reject } of [...waiting.splice(0), ...(running ? takeAll(running) : [])]) reject(overloaded());
      running?.process.kill();
      await Promise.all(ending);
    },
  };
}

const UNDECODABLE = new HttpError(
  400,
  "bad_image",
  "The image takes too much memory to decode, or its decoder fails; make it smaller, or save it as PNG.",
);
