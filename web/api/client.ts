/** Client of the page's server. */

/**
 * Where the page is, which may be below a path of a proxy. Scripts and workers are in a folder of their own there, in development
 * as well.
 */
const PAGE = typeof document === "undefined" ? new URL("..", location.href).href : document.baseURI;

/** The URL of a path of the server, like `/api/runs`. */
export function serverUrl(path: string): string {
  return new URL(`.${path}`, PAGE).href;
}

/** The server responded with an error, or not at all. */
export class ApiError extends Error {
  /** The server's error code; `unreachable` when it did not respond. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function getJson<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  return ask(path, { signal: signal ?? null }).then((response) => response.json());
}

export async function getBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(path, {});
  return new Uint8Array(await response.arrayBuffer());
}

export async function postJson<Answer>(path: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const response = await ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json();
}

/** Sends a file as it is, whatever type the browser gives it. */
export async function postFile(path: string, file: Blob): Promise<void> {
  await ask(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
}

export async function remove(path: string): Promise<void> {
  await ask(path, { method: "DELETE" });
}

export function runPath(id: string, part = ""): string {
  return `/api/runs/${encodeURIComponent(id)}${part}`;
}

export function backbonePath(name: string): string {
  return `/api/backbones/${encodeURIComponent(name)}/model.onnx`;
}

async function ask(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(serverUrl(path), options);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError("unreachable", "The server does not answer. Is `tailor serve` still running?");
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function errorOf(response: Response): Promise<ApiError> {
  const body: { error?: { code?: string; message?: string } } = await response.json().catch(() => ({}));
  const { code = `http_${response.status}`, message } = body.error ?? {};
  return new ApiError(code, message ?? `The server answered ${response.status} ${response.statusText}.`);
}
