import { messageOf } from "../errors.ts";
import { benchInference, type InferenceBenchTask } from "./inference.ts";
import { type BenchTask, benchTraining } from "./training.ts";

/** Child process that measures one model: receives a task as a message, replies with the result, and exits. */
process.once("message", (task: BenchTask | InferenceBenchTask) => {
  (task.kind === "train" ? benchTraining(task) : benchInference(task))
    .then(
      (result) => ({ result }),
      (error: unknown) => ({ error: messageOf(error) }),
    )
    .then((answer) => process.send?.(answer, () => process.disconnect()));
});
