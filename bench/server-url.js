import { createInterface } from "node:readline";

/** The URL of a just started `tailor serve --json`, from its first line of output. */
export async function urlOf({ stdout }) {
  for await (const line of createInterface({ input: stdout })) return JSON.parse(line).url;
  throw new Error("the server ended before it listened");
}
