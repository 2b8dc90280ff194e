import { once } from "node:events";
import { createServer, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { getRequestListener } from "@hono/node-server";
import { UserError } from "../errors.ts";
import { inWords, type Words } from "../wording.ts";
import { type AppOptions, createApp, logToStandardError } from "./app.ts";
import { MAX_WAITING, watchConnections } from "./connections.ts";
import { errorAnswer, HttpError } from "./errors.ts";
import { hostNames, isLoopback } from "./guards.ts";
import { createSite, parseBasePath } from "./site.ts";

export const DEFAULT_CONNECTIONS = 512;
export const DEFAULT_TIMEOUT_SECONDS = 30;
/** Maximum size of complete responses that clients have not read yet. */
const UNSENT_BYTES = 128 * 2 ** 20;
/** Interval at which Node checks for request timeouts. */
const CHECK_EVERY_MS = 500;
/** Keep-alive timeout of idle connections. */
const KEEP_ALIVE_MS = 5000;
/** Time for a refused client to read the error. */
const FAREWELL_MS = 500;
/** Grace period for pending requests when the server closes. */
const CLOSE_GRACE_MS = 10_000;
const CLOSE_LOOK_MS = 50;

/** Options of the server. */
export interface ServerOptions extends Omit<AppOptions, "allowTraining" | "allowHost" | "isLocal"> {
  /** Default 127.0.0.1: not reachable from other machines. */
  readonly host?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /**
   * Host names besides those of the loopback interface under which a proxy passes on requests. Requests with other names are
   * refused, also where other machines can reach the server.
   */
  readonly allowHost?: readonly string[] | undefined;
  /** The path below which a proxy shows the server, if it passes on the whole path: "/tailor". */
  readonly basePath?: string | undefined;
  /** Default: only if no other machine can reach the server, neither itself nor through a proxy. */
  readonly allowTraining?: boolean | undefined;
  /** Default 512. */
  readonly connections?: number | undefined;
  /** Timeout for receiving a whole request, and for a client that stops reading the response. Default 30. */
  readonly timeoutSeconds?: number | undefined;
  /** Folder of the built page. */
  readonly page?: string | undefined;
}

/** A listening server. */
export interface RunningServer {
  /** An address to open on this machine. */
  readonly url: string;
  /** Addresses for other machines; empty if none reaches the server. */
  readonly otherUrls: readonly string[];
  /**
   * Accepts no new requests, ends event streams and trainings, and resolves when all pending requests are completed.
   */
  close(): Promise<void>;
}

/**
 * Serves API and page until it is closed.
 *
 * @throws UserError when the port is in use or not allowed, the host is not one of this machine's, or `run` is not a
 *   run
 */
export async function startServer({
  host = "127.0.0.1",
  port,
  connections = DEFAULT_CONNECTIONS,
  timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
  page,
  allowHost = [],
  basePath: typedPath = "",
  log = logToStandardError,
  ...appOptions
}: ServerOptions): Promise<RunningServer> {
  const basePath = parseBasePath(typedPath);
  const isLocal = isLoopback(host);
  // Behind a proxy other machines reach it too.
  const isPrivate = isLocal && allowHost.length === 0;
  const allowTraining = appOptions.allowTraining ?? isPrivate;
  const api = createApp({ ...appOptions, log, allowHost, isLocal: isPrivate, allowTraining });
  const allowedHosts = isLocal || allowHost.length > 0 ? hostNames(allowHost) : undefined;
  const site = createSite(api.app, { allowedHosts, basePath, page, log });
  const answer = getRequestListener(site.fetch, {
    errorHandler: () => {
      const { status, headers, body } = bareAnswer(BAD_REQUEST);
      return new Response(body, { status, headers });
    },
  });
  const timeout = timeoutSeconds * 1000;
  const server = createServer({
    headersTimeout: timeout,
    requestTimeout: timeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, timeout),
    // Node would respond without a message; the application explains what is missing.
    requireHostHeader: false,
  });
  server.timeout = timeout;
  let isClosing = false;
  const connected = watchConnections(server, {
    most: connections,
    unsentBytes: UNSENT_BYTES,
    refuseConnection: (outgoing) => refuse(outgoing, TOO_MANY),
    refuseWaiting: (outgoing) => refuse(outgoing, TOO_MANY_WAITING),
    answer(incoming, outgoing) {
      if (isClosing) outgoing.setHeader("connection", "close");
      answer(incoming, outgoing);
    },
  });
  // The connection is idle although this server is not processing a request of it.
  server.on("timeout", (socket: Socket) => {
    if (socket.writableLength > 0 || !connected.isBusy(socket)) socket.destroy();
  });
  server.on("checkExpectation", (_, outgoing: ServerResponse) => refuse(outgoing, NO_EXPECTATIONS));
  server.on("clientError", answerClientError);
  await listen(server, { host, port });

  const { port: chosen } = server.address() as AddressInfo;
  const close = async () => {
    isClosing = true;
    const closed = once(server, "close");
    server.close();
    // A keep-alive connection is closed once its request is completed.
    const looking = setInterval(() => connected.closeUnused(), CLOSE_LOOK_MS);
    const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    await Promise.all([api.close(), closed]);
    clearInterval(looking);
    clearTimeout(deadline);
  };
  let closing: Promise<void> | undefined;
  const urlOf = (name: string) => `http://${name.includes(":") ? `[${name}]` : name}:${chosen}${basePath}`;
  const everywhere = EVERYWHERE[host];
  return {
    url: urlOf(everywhere?.here ?? host),
    otherUrls: isLocal ? [] : everywhere ? addressesOf(everywhere.family).map(urlOf) : [urlOf(host)],
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Hosts that stand for all addresses of a machine, which cannot be opened themselves. */
const EVERYWHERE: Readonly<Record<string, { readonly here: string; readonly family: "IPv4" | "IPv6" }>> = {
  "0.0.0.0": { here: "127.0.0.1", family: "IPv4" },
  "::": { here: "::1", family: "IPv6" },
};

/** This machine's addresses in its networks; those of a single link need more than a URL holds. */
function addressesOf(wanted: "IPv4" | "IPv6"): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses
      .filter(({ family, internal, address }) => family === wanted && !internal && !address.startsWith("fe80:"))
      .map(({ address }) => address),
  );
}

const TOO_MANY = new HttpError(503, "too_many_connections", "The server has as many connections as it takes.");
const TOO_MANY_WAITING = new HttpError(
  503,
  "too_many_requests_waiting",
  `At most ${MAX_WAITING} requests wait on a connection; read the responses before sending more.`,
);
const BAD_REQUEST = new HttpError(400, "bad_request", "This is not a request that can be understood.");
const NO_EXPECTATIONS = new HttpError(417, "no_such_expectation", "The only Expect that is met is 100-continue.");
const TOO_SLOW = new HttpError(408, "too_slow", "The request timed out before it was complete.");

/** Headers of responses that bypass the application, whose responses have more (see site.ts). */
function bareAnswer(error: HttpError) {
  const { status, headers, body } = errorAnswer(error);
  return { status, headers: { ...headers, "x-content-type-options": "nosniff", connection: "close" }, body };
}

function refuse(outgoing: ServerResponse, error: HttpError): void {
  const { status, headers, body } = bareAnswer(error);
  outgoing.writeHead(status, headers).end(body);
}

/** Responds to invalid HTTP and to timeouts, for which there is no response object yet. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, headers, body } = bareAnswer(error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? TOO_SLOW : BAD_REQUEST);
  const lines = Object.entries({ ...headers, "content-length": Buffer.byteLength(body) });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // A client that neither reads nor disconnects would keep its connection and its partial body.
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
}

/**
 * Connections that the system holds until the server takes them, one at a look. Of more, a client tries again after a second;
 * Node's default is less than a server takes in all.
 */
const BACKLOG = 4096;

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const listening = once(server, "listening");
  server.listen({ port, host, backlog: BACKLOG });
  await listening.catch((error: NodeJS.ErrnoException) => {
    const problem = LISTEN_PROBLEMS[error.code ?? ""];
    if (problem === undefined) throw error;
    throw new UserError((w) => `cannot listen on ${host}, port ${port}: ${inWords(problem, w)}`, {
      exitCode: 2,
      cause: error,
    });
  });
}

const LISTEN_PROBLEMS: Readonly<Record<string, Words>> = {
  EADDRINUSE: (w) =>
    `it is in use; choose another with ${w.option("port")}, or ${w.option("port", 0)} for any that is free`,
  EACCES: (w) => `the system does not allow it; choose a port from 1024 up with ${w.option("port")}`,
  EADDRNOTAVAIL: (w) => `this machine has no such address; choose another with ${w.option("host")}`,
  ENOTFOUND: (w) => `there is no such host; choose another with ${w.option("host")}`,
};
