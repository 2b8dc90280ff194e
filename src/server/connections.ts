import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Number of connections beyond the limit that get an error response; further ones are just closed. */
const TOLD_CONNECTIONS = 64;
/**
 * Number of requests that may wait behind another one of their connection (HTTP pipelining). Browsers send none, and
 * programs a few; the first one beyond gets an error response, after which the connection is closed.
 */
export const MAX_WAITING = 16;
/** Number of requests beyond those before the connection is closed at once. */
const MAX_IGNORED = 100;
/** Responses of fewer unsent bytes are not counted: all connections together cannot hold many. */
const COUNTED_BYTES = 2 ** 16;

/** The connections of a server. */
export interface Connections {
  /** Whether a request of it is being responded to. */
  isBusy(socket: Socket): boolean;
  /** Closes connections without a request that is being responded to, including those that have not sent one yet. */
  closeUnused(): void;
}

export interface ConnectionOptions {
  /** Maximum number of connections. Beyond it, one that waits for its client gives way to a new one (`placeFor`). */
  readonly most: number;
  /**
   * Maximum size of the whole responses that clients have not read yet, of all connections together. Beyond it the
   * connection is closed that has been reading the longest.
   */
  readonly unsentBytes: number;
  /** Responds to a request. */
  readonly answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  /** Responds to a request of a connection beyond the limit. */
  readonly refuseConnection: (outgoing: ServerResponse) => void;
  /** Responds to a request beyond those that may wait, and closes the connection after it. */
  readonly refuseWaiting: (outgoing: ServerResponse) => void;
}

interface Connection {
  readonly isOneTooMany: boolean;
  /** Of the client, or of a proxy. */
  readonly address: string | undefined;
  /** The response to its current request. */
  current: ServerResponse | undefined;
  readonly waiting: [IncomingMessage, ServerResponse][];
  /** Number of requests beyond those that may wait. */
  beyond: number;
}

/**
 * Handles the requests of a server, those of a connection one after the other: the next one starts when the client has
 * received the response to the last. A client that sends requests but reads no response thus gets one response's work.
 */
export function watchConnections(
  server: Server,
  { most, unsentBytes, answer, refuseConnection, refuseWaiting }: ConnectionOptions,
): Connections {
  server.maxConnections = most + TOLD_CONNECTIONS;
  const connections = new Map<Socket, Connection>();
  const unsent = limitUnsent(unsentBytes);

  server.on("connection", (socket: Socket) => {
    const { remoteAddress: address } = socket;
    const isOneTooMany = !hasPlaceFor(address);
    connections.set(socket, { isOneTooMany, address, current: undefined, waiting: [], beyond: 0 });
    socket.once("close", () => connections.delete(socket));
  });

  const hasPlaceFor = (address: string | undefined): boolean => {
    if (connections.size < most) return true;
    const admitted = [...connections].filter(([, { isOneTooMany }]) => !isOneTooMany);
    if (admitted.length < most) return true;
    const leaving = placeFor(address, admitted);
    if (!leaving) return false;
    connections.delete(leaving);
    leaving.destroy();
    return true;
  };

  const begin = (connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse) => {
    connection.current = outgoing;
    outgoing.once("prefinish", () => unsent.count(outgoing));
    outgoing.once("close", () => {
      connection.current = undefined;
      const { socket } = incoming;
      if (!socket.writable) return;
      const next = connection.waiting.shift();
      if (next) begin(connection, ...next);
      if (connection.waiting.length > 0) socket.pause();
      else if (next) socket.resume();
    });
    if (connection.isOneTooMany) refuseConnection(outgoing);
    else answer(incoming, outgoing);
  };

  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { socket } = incoming;
    const connection = connections.get(socket);
    // Closed meanwhile: the rest of what was received at once.
    if (!connection || socket.destroyed) return;
    if (connection.current === undefined) begin(connection, incoming, outgoing);
    else if (connection.waiting.length < MAX_WAITING && connection.beyond === 0) {
      connection.waiting.push([incoming, outgoing]);
      socket.pause();
    } else {
      connection.beyond++;
      if (connection.beyond === 1) refuseWaiting(outgoing);
      else if (connection.beyond > MAX_IGNORED) socket.destroy();
    }
  });

  return {
    isBusy: (socket) => connections.get(socket)?.current !== undefined,
    closeUnused() {
      for (const [socket, { current }] of connections) if (current === undefined) socket.destroySoon();
    },
  };
}

/**
 * The connection that gives way to a new one, so that a client that opens many and leaves them open, or sends or reads
 * as slowly as it may, keeps out no other: of the address with the most, the oldest without a request. Where every one has
 * a request, one of an address that has more connections than the new one's, whose client is slow to send or to read.
 * Nobody loses a response that the server is still working on.
 *
 * @param address of the new connection
 * @param admitted all connections within the limit, oldest first
 * @returns undefined when there is none: then the new one is refused
 */
function placeFor(
  address: string | undefined,
  admitted: readonly (readonly [Socket, Connection])[],
): Socket | undefined {
  const counts = new Map<string | undefined, number>();
  for (const [, one] of admitted) counts.set(one.address, (counts.get(one.address) ?? 0) + 1);
  const countOf = (one: Connection) => counts.get(one.address)!;
  const own = counts.get(address) ?? 0;
  const idle = admitted.filter(([, { current }]) => current === undefined);
  const slow = admitted.filter(
    ([socket, one]) => countOf(one) > own + 1 && (one.current?.req.complete === false || socket.writableLength > 0),
  );
  for (const candidates of [idle, slow]) {
    const most = Math.max(...candidates.map(([, one]) => countOf(one)));
    const oldest = candidates.find(([, one]) => countOf(one) === most);
    if (oldest) return oldest[0];
  }
  return undefined;
}

/** Counts the bytes of responses that are complete but unsent, and ends the oldest ones where they are too many. */
function limitUnsent(most: number): { count(outgoing: ServerResponse): void } {
  /** Oldest first. */
  const counted = new Map<ServerResponse, number>();
  let total = 0;
  return {
    count(outgoing) {
      const bytes = outgoing.writableLength;
      if (bytes < COUNTED_BYTES) return;
      counted.set(outgoing, bytes);
      total += bytes;
      const forget = (one: ServerResponse) => {
        total -= counted.get(one) ?? 0;
        counted.delete(one);
      };
      outgoing.once("close", () => forget(outgoing));
      for (const oldest of counted.keys()) {
        // The newest one is kept, however large.
        if (total <= most || oldest === outgoing) break;
        forget(oldest);
        oldest.destroy();
      }
    },
  };
}
