import { isIP } from "node:net";
import type { HonoRequest, MiddlewareHandler } from "hono";
import { UserError } from "../errors.ts";
import { HttpError } from "./errors.ts";

/** Whether a server on this host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

/**
 * The names under which a server may be reached, as they stand in URLs.
 *
 * @throws UserError when one is no host name
 */
export function hostNames(names: readonly string[]): ReadonlySet<string> {
  return new Set(
    names.map((name) => {
      const { host, hostname } = URL.canParse(`http://${name}/`)
        ? new URL(`http://${name}/`)
        : { host: "", hostname: "" };
      if (host !== "" && host === hostname && /^[^/?#@:*]+$/.test(name)) return hostname;
      throw new UserError((w) => `${w.option("allowHost")} must be a host name without port or path, got "${name}"`, {
        exitCode: 2,
      });
    }),
  );
}

/**
 * Checks the Host header. It must be a name or an address (`999.1.1.1` and `xn--a` are neither: such a URL cannot be parsed); if
 * `allowed` is given, a name of the loopback interface or one of those. A foreign page whose name resolves to this machine (DNS
 * rebinding) sends its own name, and is refused.
 *
 * @throws HttpError 400 or 403
 */
export function checkHost(allowed: ReadonlySet<string> | undefined): MiddlewareHandler {
  return async (c, next) => {
    const { url } = c.req;
    if (!URL.canParse(url)) {
      throw new HttpError(400, "bad_request", "The Host header is neither a host name nor an address.");
    }
    if (allowed) requireKnown(new URL(url).hostname, allowed);
    await next();
  };
}

function requireKnown(hostname: string, allowed: ReadonlySet<string>): void {
  if (isLoopback(hostname.replace(/^\[|\]$/g, "")) || allowed.has(hostname)) return;
  const known = ["localhost", ...allowed].join(", ");
  throw new HttpError(
    403,
    "wrong_host",
    `This server answers to ${known} only. If a proxy passes on requests under another name, allow that one with \`allowHost\`.`,
  );
}

/**
 * Accepts only requests of this server's own page and of programs other than browsers. Browsers state the origin of a
 * request in `Sec-Fetch-Site` or `Origin`, which pages cannot change.
 *
 * @param allowed names under which the page is reached besides that of the request
 * @throws HttpError 403
 */
export function requireSameOrigin(request: HonoRequest, allowed: ReadonlySet<string>): void {
  const site = request.header("sec-fetch-site");
  const origin = request.header("origin");
  const isOwn =
    site === undefined
      ? origin === undefined || isOwnOrigin(origin, request, allowed)
      : site === "same-origin" || site === "none";
  if (!isOwn) throw new HttpError(403, "cross_site", "Another site's page may not do this.");
}

/** `requireSameOrigin` for all requests of a route. */
export function onlySameOrigin(allowed: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    requireSameOrigin(c.req, allowed);
    await next();
  };
}

/** Some proxies send their own name as Host, but the page's origin has the public one. */
function isOwnOrigin(origin: string, request: HonoRequest, allowed: ReadonlySet<string>): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  return host === request.header("host") || allowed.has(hostname);
}
