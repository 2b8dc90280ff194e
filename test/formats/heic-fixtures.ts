/**
 * The flag of `image-file.test.ts` as HEIC, as neither sharp nor Debian's Pillow writes it: `heif-enc -q 90 -p chroma=444 flag.png`
 * of Debian's libheif-examples 1.15.1.
 */
const decoded = (...lines: string[]) => new Uint8Array(Buffer.from(lines.join(""), "base64"));

export const FLAG_HEIC = decoded(
  "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa5tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRtAA",
  "AAAAACAAAAEGlkYXQAAAAAABgAEAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHSAAEAAAAAAAAApAACAAEAAAAAAAAAAQAAAAAAAAAIAAAAOGlp",
  "bmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADZaXBycAAAALdpcGNvAAAAd2h2Y0MBBAgAAAAAAA",
  "AAAAAe8AD8//j4AAAPAyAAAQAXQAEMAf//BAgAAAMAnjgAAAMAAB66AkAhAAEAKkIBAQQIAAADAJ44AAADAAAekAQQILLdVdNc3AgIGBAAAAMA",
  "EAAAAwAQgCIAAQAIRAHBcxgwGJAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABRpc3BlAAAAAAAAABgAAAAQAAAAEHBpeGkAAAAAAwgICAAAABppcG",
  "1hAAAAAAAAAAIAAQKBAgACAgOEAAAAGmlyZWYAAAAAAAAADmRpbWcAAgABAAEAAACsbWRhdAAAAKAoAa8GMh4Z01BdQcV2+X7/yPZiv/36JL+V",
  "s+6at//mmDN+cbfhHeTGfYBAHSZ7vfwcPR9n/6gUPqfKGUTbV2Lf5tjNCPcs8uPRzdf+gEiA1p/aRDM33FawwkY70Upbwbbpz/9+s2a57sdlFD",
  "5/VGv3qUSSw0IX4F8wZu0kCA0z4m90RgEM8QLVCPKpawQFrilkVcSXMIKOq84JGWL6WPeQ",
);

/** With alpha 64 everywhere. */
export const TRANSPARENT_FLAG_HEIC = decoded(
  "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAv1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRtAA",
  "AAAAACAAAAGGlkYXQAAAAAABgAEAAAAAAAGAAQAAAAYGlsb2MBAAAAREAABAABAAAAAAAAAyEAAQAAAAAAAACkAAIAAQAAAAAAAAABAAAAAAAA",
  "AAgAAwAAAAAAAAPFAAEAAAAAAAAAJAAEAAEAAAAAAAAAAQAAAAgAAAAIAAAAYmlpbmYAAAAAAAQAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW",
  "5mZQIAAAAAAgAAZ3JpZAAAAAAVaW5mZQIAAAEAAwAAaHZjMQAAAAAVaW5mZQIAAAAABAAAZ3JpZAAAAAGyaXBycAAAAYVpcGNvAAAAd2h2Y0MB",
  "BAgAAAAAAAAAAAAe8AD8//j4AAAPAyAAAQAXQAEMAf//BAgAAAMAnjgAAAMAAB66AkAhAAEAKkIBAQQIAAADAJ44AAADAAAekAQQILLdVdNc3A",
  "gIGBAAAAMAEAAAAwAQgCIAAQAIRAHBcxgwGJAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABRpc3BlAAAAAAAAABgAAAAQAAAAEHBpeGkAAAAAAwgI",
  "CAAAAHFodmNDAQQIAAAAAAAAAAAAHvAA/Pz4+AAADwMgAAEAF0ABDAH//wQIAAADAJ/4AAADAAAeugJAIQABACZCAQEECAAAAwCf+AAAAwAAHs",
  "CCBBZbqrprmwIAAAMAAgAAAwACECIAAQAGRAHBc8GJAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAUaXNwZQAAAAAAAAAYAAAAEAAAAA5waXhpAAAA",
  "AAEIAAAAJ2F1eEMAAAAAdXJuOm1wZWc6aGV2YzoyMDE1OmF1eGlkOjEAAAAAJWlwbWEAAAAAAAAABAABAoECAAICA4QAAwKFBgAEAweIiQAAAD",
  "ZpcmVmAAAAAAAAAA5kaW1nAAIAAQABAAAADmRpbWcABAABAAMAAAAOYXV4bAAEAAEAAgAAANBtZGF0AAAAoCgBrwYyHhnTUF1BxXb5fv/I9mK/",
  "/fokv5Wz7pq3/+aYM35xt+Ed5MZ9gEAdJnu9/Bw9H2f/qBQ+p8oZRNtXYt/m2M0I9yzy49HN1/6ASIDWn9pEMzfcVrDCRjvRSlvBtunP/36zZr",
  "nux2UUPn9Ua/epRJLDQhfgXzBm7SQIDTPib3RGAQzxAtUI8qlrBAWuKWRVxJcwgo6rzgkZYvpY95AAAAAgKAGuDGQkokC004X+EX9Tht2ge+29",
  "9jKEUaIHQC9QSNc=",
);

/**
 * 24x16 pixels in Display P3, the upper half [230, 60, 50] in sRGB, the lower [40, 190, 70]: a PNG of sharp (`withIccProfile("p3")`) made
 * into HEIC as above.
 */
export const DISPLAY_P3_HEIC = decoded(
  "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAA5ttZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRtAAAAAAACAA",
  "AAEGlkYXQAAAAAABgAEAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAO/AAEAAAAAAAAAUwACAAEAAAAAAAAAAQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAV",
  "aW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAALGaXBycAAAAqNpcGNvAAAAd2h2Y0MBBAgAAAAAAAAAAAAe8AD8//j4AAAPAyAAAQ",
  "AXQAEMAf//BAgAAAMAnjgAAAMAAB66AkAhAAEAKkIBAQQIAAADAJ44AAADAAAekAQQILLdVdNc3AgIGBAAAAMAEAAAAwAQgCIAAQAIRAHBcxgwGJAAAAAU",
  "aXNwZQAAAAAAAABAAAAAQAAAABRpc3BlAAAAAAAAABgAAAAQAAAB7GNvbHJwcm9mAAAB4GxjbXMEIAAAbW50clJHQiBYWVogB+IAAwAUAAkADgAdYWNzcE",
  "1TRlQAAAAAc2F3c2N0cmwAAAAAAAAAAAAAAAAAAPbWAAEAAAAA0y1oYW5kguKocouKP/clPrmS7iTWrgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "AAAKZGVzYwAAAPwAAAAkY3BydAAAASAAAAAid3RwdAAAAUQAAAAUY2hhZAAAAVgAAAAsclhZWgAAAYQAAAAUZ1hZWgAAAZgAAAAUYlhZWgAAAawAAAAUcl",
  "RSQwAAAcAAAAAgZ1RSQwAAAcAAAAAgYlRSQwAAAcAAAAAgbWx1YwAAAAAAAAABAAAADGVuVVMAAAAIAAAAHABzAFAAMwBDbWx1YwAAAAAAAAABAAAADGVu",
  "VVMAAAAGAAAAHABDAEMAMAAAWFlaIAAAAAAAAPbWAAEAAAAA0y1zZjMyAAAAAAABDEIAAAXe///zJQAAB5MAAP2Q///7of///k4AAAOaAADAFFhZWiAAAA",
  "AAAACD3wAAPb8AAAAAWFlaIAAAAAAAAEq/AACxNwAACrVYWVogAAAAAAAAKDgAABEKAADIeHBhcmEAAAAAAAMAAAACZmkAAPKnAAANWQAAE9AAAApbAAAA",
  "EHBpeGkAAAAAAwgICAAAABtpcG1hAAAAAAAAAAIAAQKBAgACAwOEhQAAABppcmVmAAAAAAAAAA5kaW1nAAIAAQABAAAAW21kYXQAAABPKAGvBjIa8caA5C",
  "JQXL24nf//mpfQ9kQkv5Wz7pq3+tf/563oqcuKi98N+H4PwalI//BtnH/6A/+gXV/k6+LIvPRZYhbnOn0SVNmjxeD5wA==",
);

const unsigned = (bytes: number, value: number) => {
  const made = Buffer.alloc(bytes);
  made.writeUIntBE(value, 0, bytes);
  return made;
};
const box = (type: string, ...content: readonly Uint8Array[]) => {
  const all = Buffer.concat(content);
  return Buffer.concat([unsigned(4, all.length + 8), Buffer.from(type), all]);
};
const fullBox = (type: string, version: number, ...content: readonly Uint8Array[]) =>
  box(type, unsigned(1, version), unsigned(3, 0), ...content);
const sizeBox = ([width, height]: readonly [number, number]) =>
  fullBox("ispe", 0, unsigned(4, width), unsigned(4, height));

/** The content of the first box of this type in the flag's file, after its head. */
function flagsBox(type: string): Buffer {
  const file = Buffer.from(FLAG_HEIC);
  const at = file.indexOf(type);
  return file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4));
}

/** A description of colours by the number of their primaries, with the transfer function and matrix of sRGB. */
export const numberedColours = (primaries: number) =>
  Buffer.concat([Buffer.from("nclx"), ...[primaries, 13, 6].map((number) => unsigned(2, number)), unsigned(1, 0x80)]);

/**
 * A HEIC file of tiles, all of which are the flag's one of 64x64 pixels.
 *
 * @param grid.tile the tiles' size as stated
 * @param grid.colours descriptions of the whole picture's colours
 */
export function tiledHeic(
  rows: number,
  columns: number,
  {
    tile = [64, 64],
    size = [64 * columns, 64 * rows],
    colours = [],
  }: Partial<Record<"tile" | "size", readonly [number, number]>> & { readonly colours?: readonly Uint8Array[] } = {},
): Uint8Array {
  const tiles = Array.from({ length: rows * columns }, (_, i) => i + 1);
  const [main, data] = [tiles.length + 1, flagsBox("mdat")];
  const layout = Buffer.concat([0, 1, rows - 1, columns - 1].map((byte) => unsigned(1, byte)));
  const grid = Buffer.concat([layout, ...size.map((edge) => unsigned(4, edge))]);
  const place = (id: number, way: number, start: number, length: number) =>
    Buffer.concat([
      unsigned(2, id),
      ...[way, 0, 1].map((one) => unsigned(2, one)),
      unsigned(4, start),
      unsigned(4, length),
    ]);
  const entry = (id: number, type: string) =>
    fullBox("infe", 2, unsigned(2, id), unsigned(2, 0), Buffer.from(`${type}\0`));
  const having = (id: number, ...properties: readonly number[]) =>
    Buffer.concat([unsigned(2, id), unsigned(1, properties.length), Buffer.from(properties)]);
  const head = (dataAt: number) =>
    Buffer.concat([
      box("ftyp", Buffer.from("heic\0\0\0\0mif1heic")),
      fullBox(
        "meta",
        0,
        fullBox("hdlr", 0, Buffer.from("\0\0\0\0pict"), Buffer.alloc(13)),
        fullBox("pitm", 0, unsigned(2, main)),
        fullBox(
          "iloc",
          1,
          ...[unsigned(2, 0x4400), unsigned(2, main)],
          ...tiles.map((id) => place(id, 0, dataAt, data.length)),
          place(main, 1, 0, grid.length),
        ),
        fullBox("iinf", 0, unsigned(2, main), ...tiles.map((id) => entry(id, "hvc1")), entry(main, "grid")),
        fullBox("iref", 0, box("dimg", ...[main, tiles.length, ...tiles].map((one) => unsigned(2, one)))),
        box(
          "iprp",
          box(
            "ipco",
            ...[box("hvcC", flagsBox("hvcC")), sizeBox(tile), sizeBox(size)],
            ...colours.map((description) => box("colr", description)),
          ),
          fullBox(
            "ipma",
            0,
            unsigned(4, main),
            ...tiles.map((id) => having(id, 0x81, 2)),
            having(main, 3, ...colours.map((_, i) => 4 + i)),
          ),
        ),
        box("idat", grid),
      ),
    ]);
  return Buffer.concat([head(head(0).length + 8), box("mdat", data)]);
}
