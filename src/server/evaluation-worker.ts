/** Child process that evaluates one run on test images: receives a task as a message, replies, and exits. */
import { UserError } from "../errors.ts";
import { classificationTrial } from "../evaluation/node/classification-trial.ts";
import { evaluateRunOn } from "../evaluation/node/evaluate-run.ts";
import { openDevice } from "../runtime/webgpu/node/device.ts";
import type { EvaluationTask, FromEvaluator } from "./evaluations.ts";
import { describeCrash, sendMessage } from "./send-message.ts";

// Signals reach every process of a terminal or service; the server, which gets them too, waits for the reply.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// The server process has ended.
process.on("disconnect", () => process.exit());
process.on("message", async ({ path, set, threads, device }: EvaluationTask) => {
  try {
    const { openModel } = await openDevice(device, classificationTrial(path, threads));
    // Like `tailor evaluate`, this saves the accuracy in the run's record.
    const metrics = await evaluateRunOn(path, set, {
      split: "test",
      averageFlips: false,
      threads,
      openModel,
      onNotKept: (why) => sendMessage<FromEvaluator>({ kind: "notKept", why }),
    });
    await sendMessage<FromEvaluator>({ kind: "evaluated", metrics });
  } catch (error) {
    if (error instanceof UserError) await sendMessage<FromEvaluator>({ kind: "refused", message: error.message });
    else await sendMessage<FromEvaluator>({ kind: "crashed", message: describeCrash(error) });
  }
  if (process.connected) process.disconnect();
});
