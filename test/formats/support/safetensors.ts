/** Files and tensors to test safetensors with. */
import fc from "fast-check";
import type { NamedTensor } from "../../../src/formats/safetensors.ts";

export const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0));

/** A file with any header and data, right or wrong; its length field can lie too. */
export function safetensorsFile(
  header: string | Uint8Array,
  data: ArrayLike<number> = [],
  length?: bigint,
): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

export const entry = (shape: unknown, offsets: unknown, dtype: unknown = "F32") =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

// Names that plain objects get wrong, and any others; sizes with zeros, ones and odd numbers; every float32 bit pattern.
const name = fc
  .oneof(
    fc.constantFrom("", "10", "2", "__proto__", "constructor", 'a"b\\', "名前.weight"),
    fc.string({ unit: "binary" }),
  )
  .filter((text) => text !== "__metadata__" && !/\p{Surrogate}/u.test(text));
export const tensors: fc.Arbitrary<NamedTensor[]> = fc
  .uniqueArray(fc.tuple(name, fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 })), {
    selector: ([text]) => text,
    maxLength: 6,
  })
  .chain((plans) =>
    fc.tuple(
      ...plans.map(([text, shape]) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return fc
          .array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: count, maxLength: count })
          .map((words) => ({ name: text, shape, data: new Float32Array(Uint32Array.from(words).buffer) }));
      }),
    ),
  );
export const metadata = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }));
