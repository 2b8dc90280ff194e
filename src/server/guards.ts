import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { HttpError } from "./errors.ts";

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

/**
 * Lets through only what is addressed to this machine by a name that is always its own. A foreign page whose name was made
 * to lead here (DNS rebinding) sends that name, and is refused before it learns anything.
 *
 * @throws HttpError 403
 */
export const onlyLoopbackNames: MiddlewareHandler = async (c, next) => {
  const { hostname } = new URL(c.req.url);
  if (!isLoopback(hostname.replace(/^\[|\]$/g, ""))) {
    throw new HttpError(
      403,
      "wrong_host",
      "This server answers to localhost only; start it with another `host` to open it.",
    );
  }
  await next();
};

/**
 * Lets through what this server's own page sends, and what no browser sends. Browsers say where a request comes from, in
 * `Sec-Fetch-Site` or `Origin`, and no page can change what they say.
 *
 * @throws HttpError 403
 */
export const onlySameOrigin: MiddlewareHandler = async (c, next) => {
  const site = c.req.header("sec-fetch-site");
  const origin = c.req.header("origin");
  const isOwn =
    site === undefined
      ? origin === undefined || hostOf(origin) === c.req.header("host")
      : site === "same-origin" || site === "none";
  if (!isOwn) throw new HttpError(403, "cross_site", "Another site's page may not do this.");
  await next();
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
