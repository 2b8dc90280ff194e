/** Child process that evaluates one run on test images: receives a task in messages, replies, and exits. */
import { imageBytes } from "../data/image-set.ts";
import { createRowStore, type RowStore } from "../data/node/row-store.ts";
import { UserError } from "../errors.ts";
import { classificationTrial } from "../evaluation/node/classification-trial.ts";
import { evaluateRunOn } from "../evaluation/node/evaluate-run.ts";
import { openDevice } from "../runtime/webgpu/node/device.ts";
import type { FromEvaluator, ToEvaluator } from "./evaluations.ts";
import { describeCrash, sendMessage } from "./send-message.ts";

// Signals reach every process of a terminal or service; the server, which gets them too, waits for the reply.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// The server process has ended.
process.on("disconnect", () => process.exit());
let receiving: Promise<Receiving> | undefined;

process.on("message", async (message: ToEvaluator) => {
  try {
    if (message.kind === "task") receiving = receive(message);
    const received = await receiving!;
    const { task, store } = received;
    if (message.kind === "images") {
      store.write(message.start, message.values);
      received.missing -= message.values.length / imageBytes(task.set);
    }
    if (received.missing > 0) return;
    const { openModel } = await openDevice(task.device, classificationTrial(task.path, task.threads));
    // Like `tailor evaluate`, this saves the accuracy in the run's record.
    const metrics = await evaluateRunOn(
      task.path,
      { ...task.set, images: store.rows() },
      {
        split: "test",
        averageFlips: false,
        threads: task.threads,
        openModel,
        onNotKept: (why) => sendMessage<FromEvaluator>({ kind: "notKept", why }),
      },
    );
    await sendMessage<FromEvaluator>({ kind: "evaluated", metrics });
  } catch (error) {
    if (error instanceof UserError) await sendMessage<FromEvaluator>({ kind: "refused", message: error.message });
    else await sendMessage<FromEvaluator>({ kind: "crashed", message: describeCrash(error) });
  }
  if (process.connected) process.disconnect();
});

/** A task whose images are still arriving. */
interface Receiving extends Pick<Extract<ToEvaluator, { kind: "task" }>, "task"> {
  readonly store: RowStore<Uint8Array>;
  /** Images that have not arrived. */
  missing: number;
}

async function receive({ task }: Extract<ToEvaluator, { kind: "task" }>): Promise<Receiving> {
  const { count } = task.set;
  const shape = { dtype: "uint8", count, size: imageBytes(task.set) } as const;
  const store = await createRowStore<Uint8Array>({ ...shape, what: "the test images" });
  return { task, store, missing: count };
}
