import { bufferFor, inRowParts, type Rows } from "../../src/data/rows.ts";

/** All values of rows, [count, size], in memory of their own. */
export function allRows<Some extends Rows | Rows<Float32Array>>(rows: Some): ReturnType<Some["read"]> {
  const values = bufferFor<Uint8Array | Float32Array>(rows, rows.count);
  for (const { start, values: part } of inRowParts<Uint8Array | Float32Array>(rows)) {
    values.set(part, start * rows.size);
  }
  return values as ReturnType<Some["read"]>;
}
