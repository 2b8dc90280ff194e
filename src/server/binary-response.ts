/** Bytes as they are, for programs. They are not copied, and must not change any more. */
export function binaryResponse(bytes: Uint8Array): Response {
  const { buffer, byteOffset, byteLength } = bytes;
  const body = buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(bytes);
  return new Response(body, { headers: { "content-type": "application/octet-stream" } });
}
