import { UserError } from "../../errors.ts";
import { manageQueue, QUEUE_ACTIONS } from "../../queue/manage.ts";
import { counted } from "../../text.ts";
import { defineCommand } from "../command.ts";

export const queue = defineCommand({
  name: "queue",
  arguments: [
    {
      name: "<action>",
      description:
        "status; pause (workers finish their runs and take no others); resume; drain (removes what is not in training, and all files)",
    },
    { name: "<queue-url>", description: "redis://, rediss:// or postgres://" },
  ],
  options: [],
  examples: [
    "node bin/tailor.js queue status redis://queue.example:6379",
    "node bin/tailor.js queue pause redis://queue.example:6379",
  ],
  async run([word, url], _options, output) {
    const action = QUEUE_ACTIONS.find((one) => one === word);
    if (action === undefined) {
      throw new UserError(`there is no queue ${word}; choose one of: ${QUEUE_ACTIONS.join(", ")}`, { exitCode: 2 });
    }
    const status = await manageQueue(url ?? "", action);
    const { workers, isPaused, waiting, active, finished, setAside } = status;
    output.say(`${status.queue}: ${counted(workers, "worker")}${isPaused ? ", paused" : ""}`);
    output.say(
      `${waiting} waiting, ${active} in training, ${finished} finished and not fetched, ${setAside} set aside`,
    );
    output.result({ ...status });
    return 0;
  },
});
