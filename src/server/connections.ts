import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Number of connections beyond the limit that get an error response; further ones are just closed. */
const TOLD_CONNECTIONS = 64;

/** The connections of a server, with their pending requests. */
export interface Connections {
  /** Whether it was opened when the limit was reached. */
  isOneTooMany(socket: Socket): boolean;
  /** Whether it has a pending request. */
  isWaiting(socket: Socket): boolean;
  /** Closes connections without a pending request, including those that have not sent one yet. */
  closeUnused(): void;
}

/** @param most maximum number of connections */
export function watchConnections(server: Server, most: number): Connections {
  server.maxConnections = most + TOLD_CONNECTIONS;
  const requests = new Map<Socket, number>();
  const tooMany = new WeakSet<Socket>();
  server.on("connection", (socket: Socket) => {
    if (requests.size >= most) tooMany.add(socket);
    requests.set(socket, 0);
    socket.once("close", () => requests.delete(socket));
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const count = (change: number) => {
      const now = requests.get(socket);
      if (now !== undefined) requests.set(socket, now + change);
    };
    count(+1);
    response.once("close", () => count(-1));
  });
  return {
    isOneTooMany: (socket) => tooMany.has(socket),
    isWaiting: (socket) => (requests.get(socket) ?? 0) > 0,
    closeUnused() {
      for (const [socket, underWay] of requests) if (underWay === 0) socket.destroySoon();
    },
  };
}
