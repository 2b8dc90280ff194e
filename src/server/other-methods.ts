import type { Hono } from "hono";
import { HttpError } from "./http-error.ts";

/** Answers 405 to every method that the routes declared so far do not have; to be called when all are. */
export function refuseOtherMethods(app: Hono): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === "GET") known.add("HEAD"); // Hono answers it with the GET's headers.
    methods.set(path, known);
  }
  for (const [path, known] of methods) {
    const allowed = [...known].join(", ");
    app.all(path, (c) => {
      c.header("allow", allowed);
      throw new HttpError(405, "method_not_allowed", `Allowed here: ${allowed}; not ${c.req.method}.`);
    });
  }
}
