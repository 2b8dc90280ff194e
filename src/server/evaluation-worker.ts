/** A process of its own that evaluates one run on test images: takes a task as a message, answers, ends. */
import { UserError } from "../errors.ts";
import { evaluateRunOn } from "../evaluation/node/evaluate-run.ts";
import type { EvaluationTask, FromEvaluator } from "./evaluations.ts";
import { describeCrash, sendMessage } from "./send-message.ts";

// These reach every process of a terminal or a service: the server, which gets them too, waits for the answer.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// The server is gone, however it went.
process.on("disconnect", () => process.exit());
process.on("message", async ({ path, set, threads }: EvaluationTask) => {
  try {
    // As `tailor evaluate` does, this keeps the accuracy in the run's record.
    const metrics = await evaluateRunOn(path, set, {
      split: "test",
      averageFlips: false,
      threads,
      onNotKept: (why) => sendMessage<FromEvaluator>({ kind: "notKept", why }),
    });
    await sendMessage<FromEvaluator>({ kind: "evaluated", metrics });
  } catch (error) {
    if (error instanceof UserError) await sendMessage<FromEvaluator>({ kind: "refused", message: error.message });
    else await sendMessage<FromEvaluator>({ kind: "crashed", message: describeCrash(error) });
  }
  if (process.connected) process.disconnect();
});
