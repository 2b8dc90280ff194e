import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { answerErrors, notFound } from "./errors.ts";
import { onlyLoopbackNames } from "./guards.ts";

/** Where the page is built to: the same from `src/server` and from `dist/server`. */
const PAGE_FOLDER = fileURLToPath(new URL("../../dist/web", import.meta.url));

const NOT_BUILT = `tailor serves its API here (docs/serve.md); its page is not built yet: npm run build\n`;

/**
 * The headers of everything that is answered. The page and its workers come from here alone; they may compile WebAssembly,
 * which ONNX Runtime is, and are isolated from other sites, without which browsers give them no threads.
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
  // It is for HTTPS only, which a proxy before this server would speak.
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
});

export interface SiteOptions {
  /** Refuse requests that name any other host than this machine. */
  readonly onlyLoopback: boolean;
  /** Where the built page is. */
  readonly page?: string | undefined;
  readonly log: (line: string) => void;
}

/** The API and the page under one origin. */
export function createSite(api: Hono, { onlyLoopback, page = PAGE_FOLDER, log }: SiteOptions): Hono {
  const site = new Hono();
  site.onError(answerErrors(log));
  site.use(headers);
  if (onlyLoopback) site.use(onlyLoopbackNames);
  site.route("/", api);
  if (existsSync(page)) site.use(serveStatic({ root: page }));
  else site.get("/", (c) => c.text(NOT_BUILT, 404));
  site.all("*", notFound);
  return site;
}
