import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { answerErrors, notFound } from "./errors.ts";
import { onlyLoopbackNames, onlyValidHosts } from "./guards.ts";

/** Folder of the built page, relative to both `src/server` and `dist/server`. */
const PAGE_FOLDER = fileURLToPath(new URL("../../dist/web", import.meta.url));

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

export interface SiteOptions {
  /** Refuse requests whose host is not a loopback name. */
  readonly onlyLoopback: boolean;
  /** Folder of the built page. */
  readonly page?: string | undefined;
  readonly log: (line: string) => void;
}

/** The API and the page under one origin. */
export function createSite(api: Hono, { onlyLoopback, page = PAGE_FOLDER, log }: SiteOptions): Hono {
  const site = new Hono();
  site.onError(answerErrors(log));
  site.use(headers);
  site.use(onlyValidHosts);
  if (onlyLoopback) site.use(onlyLoopbackNames);
  site.route("/", api);
  if (existsSync(page)) site.use(serveStatic({ root: page }));
  else site.get("/", (c) => c.text(NOT_BUILT, 404));
  site.all("*", notFound);
  return site;
}
