import { existsSync } from "node:fs";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { etag } from "hono/etag";
import { secureHeaders } from "hono/secure-headers";
import { UserError } from "../errors.ts";
import { packageFile } from "../package-files.ts";
import { answerErrors, notFound } from "./errors.ts";
import { checkHost } from "./guards.ts";
import { entityTag } from "./streams.ts";

/** Folder of the built page. */
const PAGE_FOLDER = packageFile("dist/web");

const NOT_BUILT = `tailor serves its API here (docs/serve.md); its page is not built yet: npm run build\n`;

/**
 * The headers of all responses. Content of the page and its workers may only come from this server; they may compile
 * WebAssembly (ONNX Runtime), and are cross-origin isolated, which browsers require for threads.
 */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    baseUri: ["'none'"],
    connectSrc: ["'self'"],
    fontSrc: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    imgSrc: ["'self'", "data:", "blob:"],
    scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
    styleSrc: ["'self'"],
    workerSrc: ["'self'", "blob:"],
  },
  crossOriginEmbedderPolicy: "require-corp",
  // Only for HTTPS, which would be up to a proxy in front of this server.
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
});

/** A file whose name holds a checksum of its content never changes. */
const NAMED_BY_CONTENT = /\/assets\/[^/]+-[\w-]{8}\.\w+$/;
const FOR_EVER = "public, max-age=31536000, immutable";

/** A path of URLs, without a slash at its end. */
const BASE_PATH = /^(\/[\w.~-]+)+$/;

export interface SiteOptions {
  /** If given, requests are refused whose host is neither a loopback name nor one of these. */
  readonly allowedHosts: ReadonlySet<string> | undefined;
  /** The path below which everything is. */
  readonly basePath?: string | undefined;
  /** Folder of the built page. */
  readonly page?: string | undefined;
  readonly log: (line: string) => void;
}

/** The base path without a slash at its end; "" for none. @throws UserError when it is no path */
export function parseBasePath(typed: string): string {
  const path = typed.replace(/\/$/, "");
  if (path === "" || (BASE_PATH.test(path) && !/\/\.{1,2}(\/|$)/.test(path))) return path;
  throw new UserError((w) => `${w.option("basePath")} must be a path like /tailor, got "${typed}"`, { exitCode: 2 });
}

/** The API and the page under one origin. */
export function createSite(api: Hono, { allowedHosts, basePath = "", page = PAGE_FOLDER, log }: SiteOptions): Hono {
  const site = new Hono();
  site.onError(answerErrors(log));
  site.use(headers);
  site.use(checkHost(allowedHosts));
  site.get(`${basePath}/api/*`, compress());
  site.route(basePath || "/", api);
  // The page's own addresses are relative.
  if (basePath !== "") site.get(basePath, (c) => c.redirect(`${basePath}/`, 308));
  if (existsSync(page)) {
    const rewriteRequestPath = (path: string) => path.slice(basePath.length);
    site.use(
      `${basePath}/*`,
      etag(),
      cacheHeaders,
      serveStatic({ root: page, rewriteRequestPath, precompressed: true }),
    );
  } else site.get(`${basePath}/`, (c) => c.text(NOT_BUILT, 404));
  site.all("*", notFound);
  return site;
}

/** Lets browsers keep the page's files: for ever, or until the server says that they have changed. */
const cacheHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  if (!c.res.ok) return;
  const { headers: sent } = c.res;
  const version = ["last-modified", "content-length", "content-encoding"].map((name) => sent.get(name)).join(" ");
  sent.set("etag", entityTag(version));
  sent.set("cache-control", NAMED_BY_CONTENT.test(c.req.path) ? FOR_EVER : "no-cache");
};
