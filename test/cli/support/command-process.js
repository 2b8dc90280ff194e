/** A process that runs one command line of the built program after another, for `tailor.ts`. */
import { main } from "../../../dist/cli/main.js";

// Each command watches the streams anew; in a process of its own it would be the only one.
process.stdout.setMaxListeners(0);
process.stderr.setMaxListeners(0);

process.on("disconnect", () => process.exit());
process.on("message", async ({ args, end }) => {
  const code = await main(args);
  process.stdout.write(end);
  process.stderr.write(end);
  process.send(code);
});
