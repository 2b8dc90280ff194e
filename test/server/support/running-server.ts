/** A real server over real HTTP, and requests to it. */
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { type RunningServer, type ServerOptions, startServer } from "../../../src/server/start-server.ts";
import { temporaryFolder } from "../../runs/support/helpers.ts";

export interface StartedServer extends RunningServer {
  /** Its log lines. */
  readonly log: string[];
}

/** Starts a server on a free port; it is closed after the test. Without `runs` there are none. */
export async function start(options: Partial<ServerOptions> = {}): Promise<StartedServer> {
  const log: string[] = [];
  const server = await startServer({
    port: 0,
    threads: 1,
    runs: join(temporaryFolder(), "runs"),
    log: (line) => log.push(line),
    ...options,
  });
  onTestFinished(() => server.close());
  return { ...server, log };
}

/** The answer's JSON; its status must be the one given. */
export async function jsonOf<Answer = Record<string, unknown>>(
  asked: Response | Promise<Response>,
  status = 200,
): Promise<Answer> {
  const response = await asked;
  const text = await response.text();
  expect({ status: response.status, text }).toEqual({ status, text: expect.any(String) });
  expect(response.headers.get("content-type")).toBe("application/json");
  return JSON.parse(text);
}

/** The error that is answered: status and code, and a message that is a sentence and names no path. */
export async function errorOf(
  asked: Response | Promise<Response>,
): Promise<[status: number, code: string, message: string]> {
  const response = await asked;
  const body = await jsonOf<{ error: { code: string; message: string } }>(response, response.status);
  expect(body).toEqual({ error: { code: expect.stringMatching(/^[a-z]+(_[a-z]+)*$/), message: expect.any(String) } });
  const { code, message } = body.error;
  expect(message).toMatch(/^[A-Z].*\.$/s);
  expect(message).not.toMatch(/(^|[\s"'(])\/(tmp|home|root|usr|work)\b|node_modules|\.ts\b|\n\s+at /);
  return [response.status, code, message];
}

export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

export function postBytes(url: string, bytes: Uint8Array, type: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": type }, body: new Uint8Array(bytes) });
}
