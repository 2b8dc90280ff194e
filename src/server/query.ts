import type { HonoRequest } from "hono";
import type { z } from "zod";
import { describeIssues } from "../formats/json-issues.ts";
import { HttpError } from "./http-error.ts";

/**
 * The parameters behind the question mark. Unknown ones are passed over, as is usual.
 *
 * @throws HttpError 400 that names the parameter, what is allowed and what was sent
 */
export function parseQuery<Query>(request: HonoRequest, schema: z.ZodType<Query>): Query {
  const sent = request.query();
  return checked(sent, schema, "The address's parameters are wrong");
}

/** @throws HttpError 400 that names the field, what is allowed and what was sent */
export function parseFields<Fields>(body: unknown, schema: z.ZodType<Fields>): Fields {
  return checked(body, schema, "The body is wrong");
}

function checked<Value>(sent: unknown, schema: z.ZodType<Value>, problem: string): Value {
  const result = schema.safeParse(sent);
  if (result.success) return result.data;
  throw new HttpError(400, "bad_request", `${problem}: ${describeIssues(result.error.issues, sent)}.`);
}
