import { benchInference, type InferenceBenchTask } from "./inference.ts";
import { type BenchTask, benchTraining } from "./training.ts";

/** A process of its own that measures one model: takes a task as a message, answers with the result, ends. */
process.once("message", (task: BenchTask | InferenceBenchTask) => {
  (task.kind === "train" ? benchTraining(task) : benchInference(task))
    .then(
      (result) => ({ result }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    )
    .then((answer) => process.send?.(answer, () => process.disconnect()));
});
