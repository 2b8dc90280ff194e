import { createInterface } from "node:readline";

/** The address of a `tailor serve --json` that was just started: what it prints first. */
export async function urlOf({ stdout }) {
  for await (const line of createInterface({ input: stdout })) return JSON.parse(line).url;
  throw new Error("the server ended before it listened");
}
