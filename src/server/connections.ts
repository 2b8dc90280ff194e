import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Connections beyond those that are served: they are told so. Beyond these they are only closed. */
const TOLD_CONNECTIONS = 64;

/** The connections of a server, each with its requests under way. */
export interface Connections {
  /** Whether it came when there were as many as are served. */
  isOneTooMany(socket: Socket): boolean;
  /** Whether a request that came over it is not answered yet. */
  isWaiting(socket: Socket): boolean;
  /** Closes those without a request under way, also those that have not sent one yet. */
  closeUnused(): void;
}

/** @param most are served at once */
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
