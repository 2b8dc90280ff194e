import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ConnectionOptions, MAX_WAITING, watchConnections } from "../../src/server/connections.ts";
import { jsonList, slices, streamOf } from "../../src/server/streams.ts";

/** A server whose responses a test gives; `begun` are the requests that it may respond to, in order. */
async function serve(options: Partial<ConnectionOptions> = {}) {
  const begun: { url: string; outgoing: ServerResponse; body: Promise<string> }[] = [];
  const server = createServer();
  const connections = watchConnections(server, {
    most: 10,
    unsentBytes: 2 ** 30,
    refuseConnection: (outgoing) => void outgoing.writeHead(503).end("too many"),
    refuseWaiting: (outgoing) => void outgoing.writeHead(503, { connection: "close" }).end("too many waiting"),
    answer: (incoming, outgoing) => {
      incoming.setEncoding("utf8");
      begun.push({ url: incoming.url!, outgoing, body: incoming.toArray().then((parts) => parts.join("")) });
    },
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  /** Linux has all addresses that begin with 127. */
  const open = async (localAddress = "127.0.0.1") => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  return { begun, open, connections };
}

/** All that a connection receives until it is closed. */
async function received(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (part) => {
    text += part;
  });
  await once(socket, "close");
  return text;
}

const gets = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `GET /${from + i} HTTP/1.1\r\nhost: a\r\n\r\n`).join("");

describe("requests behind each other on one connection", () => {
  test("are handled one at a time, in order", async () => {
    const { begun, open } = await serve();
    const socket = await open();
    const all = received(socket);
    socket.write(gets(10));
    for (let i = 0; i < 10; i++) {
      await expect.poll(() => begun.length).toBe(i + 1);
      const { url, outgoing } = begun[i]!;
      expect(url).toBe(`/${i}`);
      outgoing.end(`response ${i};`);
    }
    socket.end();
    expect((await all).match(/response \d/g)).toEqual(Array.from({ length: 10 }, (_, i) => `response ${i}`));
  });

  test("with bodies: all are read, also those sent after the others were responded to", async () => {
    const { begun, open } = await serve();
    const socket = await open();
    const all = received(socket);
    const post = (body: string) => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    for (const [first, second] of [
      ["a".repeat(100_000), "b".repeat(100_000)],
      ["c", "d"],
    ] as const) {
      const before = begun.length;
      socket.write(post(first) + post(second));
      for (const [i, body] of [first, second].entries()) {
        await expect.poll(() => begun.length).toBe(before + i + 1);
        const request = begun[before + i]!;
        expect((await request.body) === body).toBe(true);
        request.outgoing.end("x");
      }
    }
    socket.end();
    expect((await all).match(/200 OK/g)).toHaveLength(4);
  });

  test("at most 16 wait: the next one is refused, and closes the connection behind those before it", async () => {
    const { begun, open } = await serve();
    const socket = await open();
    const all = received(socket);
    socket.write(gets(MAX_WAITING + 3));
    for (let i = 0; i < 1 + MAX_WAITING; i++) {
      await expect.poll(() => begun.length).toBe(i + 1);
      begun[i]!.outgoing.end("fine");
    }
    const text = await all;
    expect(text.match(/200 OK/g)).toHaveLength(1 + MAX_WAITING);
    expect(text.slice(text.lastIndexOf("HTTP/1.1"))).toMatch(/^HTTP\/1\.1 503 .*too many waiting/s);
    expect(begun).toHaveLength(1 + MAX_WAITING);
  });

  test("a client that sends without end is disconnected, and none of the rest is handled", async () => {
    const { begun, open, connections } = await serve();
    const socket = await open();
    socket.resume();
    socket.write(gets(800));
    await once(socket, "close");
    await expect.poll(() => begun[0]!.outgoing.destroyed).toBe(true);
    expect(begun).toHaveLength(1);
    expect(connections.isBusy(begun[0]!.outgoing.req.socket)).toBe(false);
  });
});

describe("when the server has as many connections as it takes", () => {
  const OTHER = "127.0.0.2";
  const ask = (socket: Socket) => socket.write(gets(1));
  const FULL = { most: 4 };

  /** As many connections of one client as the server takes, oldest first, each prepared one after the other. */
  async function full(server: Awaited<ReturnType<typeof serve>>, prepare: (socket: Socket) => unknown = () => {}) {
    const sockets: Socket[] = [];
    for (let i = 0; i < FULL.most; i++) {
      const socket = await server.open();
      socket.resume();
      await prepare(socket);
      sockets.push(socket);
    }
    return sockets;
  }

  const openOf = (sockets: readonly Socket[]) => sockets.map(({ closed }) => !closed);

  test("the oldest without a request gives way, also to its own client", async () => {
    const server = await serve(FULL);
    const sockets = await full(server);
    for (const [i, address] of [OTHER, "127.0.0.1"].entries()) {
      ask(await server.open(address));
      await expect.poll(() => server.begun.length).toBe(i + 1);
    }
    await expect.poll(() => openOf(sockets)).toEqual([false, false, true, true]);
  });

  test("a half-sent request counts as none", async () => {
    const server = await serve(FULL);
    const sockets = await full(server, (socket) => socket.write("GET / HTTP/1.1\r\nhost: "));
    ask(await server.open(OTHER));
    await expect.poll(() => server.begun.length).toBe(1);
    await expect.poll(() => openOf(sockets)).toEqual([false, true, true, true]);
  });

  test("a client with few connections keeps them, also older ones", async () => {
    const server = await serve({ most: 5 });
    const few = await server.open(OTHER);
    await full(server);
    await server.open("127.0.0.3");
    await server.open("127.0.0.4");
    ask(few);
    await expect.poll(() => server.begun.length).toBe(1);
  });

  test.each([
    [
      "does not read",
      async (socket: Socket, begun: Awaited<ReturnType<typeof serve>>["begun"]) => {
        const before = begun.length;
        socket.pause();
        ask(socket);
        await expect.poll(() => begun.length).toBe(before + 1);
        begun[before]!.outgoing.end(Buffer.alloc(30 * 2 ** 20));
      },
    ],
    [
      "sends a body slowly",
      async (socket: Socket, begun: Awaited<ReturnType<typeof serve>>["begun"]) => {
        const before = begun.length;
        socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\na");
        await expect.poll(() => begun.length).toBe(before + 1);
        begun[before]!.body.catch(() => {});
      },
    ],
  ])("a client that %s gives way to another one, and not to itself", async (_, occupy) => {
    const server = await serve(FULL);
    await full(server, (socket) => occupy(socket, server.begun));
    const own = await server.open();
    ask(own);
    expect(await received(own)).toContain("too many");
    ask(await server.open(OTHER));
    await expect.poll(() => server.begun.length).toBe(FULL.most + 1);
  });

  test("what the server works on stays: others are refused", async () => {
    const server = await serve(FULL);
    const sockets = await full(server, ask);
    await expect.poll(() => server.begun.length).toBe(FULL.most);
    const other = await server.open(OTHER);
    ask(other);
    expect(await received(other)).toContain("too many");
    for (const { outgoing } of server.begun) outgoing.end("done");
    expect(openOf(sockets)).toEqual([true, true, true, true]);
  });
});

test("responses that clients do not read: beyond the limit the oldest is ended", async () => {
  // Far more than the system's buffers on both sides hold.
  const bytes = Buffer.alloc(30 * 2 ** 20);
  const { begun, open } = await serve({ unsentBytes: 40 * 2 ** 20 });
  const clients: Socket[] = [];
  for (let i = 0; i < 3; i++) {
    const socket = await open();
    socket.pause();
    clients.push(socket);
    socket.write(gets(1, i));
    await expect.poll(() => begun.length).toBe(i + 1);
    begun[i]!.outgoing.end(bytes);
  }
  await expect.poll(() => begun.map(({ outgoing }) => outgoing.destroyed)).toEqual([true, true, false]);
  // The last one gets all of it, and what is read does not count any more.
  let length = 0;
  clients[2]!.on("data", (part) => {
    length += part.length;
  });
  clients[2]!.resume();
  await expect.poll(() => length).toBeGreaterThanOrEqual(bytes.length);
  const further = await open();
  further.pause();
  further.write(gets(1, 3));
  await expect.poll(() => begun.length).toBe(4);
  begun[3]!.outgoing.end(bytes);
  await expect.poll(() => begun[2]!.outgoing.writableFinished).toBe(true);
  expect(begun[3]!.outgoing.destroyed).toBe(false);
});

describe("large responses", () => {
  test("bytes are sent in parts, without a copy", () => {
    const bytes = Uint8Array.from({ length: 600_000 }, (_, i) => i);
    const parts = [...slices(bytes)];
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  test.each([0, 1, 300])("a list of %i items as JSON", async (count) => {
    const items = Array.from({ length: count }, (_, i) => ({ i, text: `ä"${"x".repeat(2000)}` }));
    expect(await new Response(streamOf(jsonList("items", items))).json()).toEqual({ items });
  });

  test("are made only as far as they are read", async () => {
    let made = 0;
    let isEnded = false;
    function* parts() {
      try {
        for (; ; made++) yield new Uint8Array(10);
      } finally {
        isEnded = true;
      }
    }
    const reader = streamOf(parts()).getReader();
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBe(0);
    for (let i = 0; i < 3; i++) await reader.read();
    expect(made).toBe(2);
    await reader.cancel();
    expect([made, isEnded]).toEqual([2, true]);
  });
});
