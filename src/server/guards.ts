import { isIP } from "node:net";
import type { HonoRequest, MiddlewareHandler } from "hono";
import { HttpError } from "./errors.ts";

/** Whether a server on this host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

/**
 * Refuses a request whose Host header is no name or address (`999.1.1.1`, `xn--a`): its URL cannot be parsed.
 *
 * @throws HttpError 400
 */
export const onlyValidHosts: MiddlewareHandler = async (c, next) => {
  if (!URL.canParse(c.req.url)) {
    throw new HttpError(400, "bad_request", "The Host header is neither a host name nor an address.");
  }
  await next();
};

/**
 * Accepts only requests whose host is a name of the loopback interface. A foreign page whose name resolves to this
 * machine (DNS rebinding) sends its own name, and is refused.
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
 * Accepts only requests of this server's own page and of programs other than browsers. Browsers state the origin of a
 * request in `Sec-Fetch-Site` or `Origin`, which pages cannot change.
 *
 * @throws HttpError 403
 */
export function requireSameOrigin(request: HonoRequest): void {
  const site = request.header("sec-fetch-site");
  const origin = request.header("origin");
  const isOwn =
    site === undefined
      ? origin === undefined || hostOf(origin) === request.header("host")
      : site === "same-origin" || site === "none";
  if (!isOwn) throw new HttpError(403, "cross_site", "Another site's page may not do this.");
}

/** `requireSameOrigin` for all requests of a route. */
export const onlySameOrigin: MiddlewareHandler = async (c, next) => {
  requireSameOrigin(c.req);
  await next();
};

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
