import type { ErrorHandler, Handler } from "hono";
import { UserError } from "../errors.ts";
import { errorAnswer, HttpError } from "./http-error.ts";

/** Makes answers of whatever routes throw. @param log takes what clients are not told */
export function answerErrors(log: (line: string) => void): ErrorHandler {
  return (error, c) => {
    const { status, headers, body } = errorAnswer(asHttpError(error, log));
    return c.body(body, status, headers);
  };
}

export const notFound: Handler = () => {
  throw new HttpError(404, "not_found", "There is nothing at this address.");
};

function asHttpError(error: Error, log: (line: string) => void): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof UserError) {
    log(error.message);
    return new HttpError(503, "unavailable", "This cannot be answered now; the server's log tells why.");
  }
  log(error.stack ?? error.message);
  return new HttpError(500, "internal", "This is a defect of tailor's; the server's log tells more.");
}
