import { describe, expect, test } from "vitest";
import { crc32c } from "../../src/formats/crc32c.ts";
import { fileStart, scalarEvent } from "../../src/formats/tensorboard-events.ts";
import { readEvents } from "./support/read-events.ts";

describe("CRC-32C", () => {
  const filled = (byte: number) => new Uint8Array(32).fill(byte);
  const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
  /** An iSCSI SCSI Read (10) command, as the RFC prints it. */
  const command = Uint8Array.from(
    [0x01c00000, 0, 0, 0, 0x14000000, 0x400, 0x14, 0x18, 0x28000000, 0, 0x02000000, 0].flatMap((word) => [
      word >>> 24,
      (word >>> 16) & 0xff,
      (word >>> 8) & 0xff,
      word & 0xff,
    ]),
  );

  // The RFC prints the bytes as they are sent, the lowest first: "aa 36 91 8a" is 0x8a9136aa.
  test.each<[string, Uint8Array, number]>([
    ["32 bytes of zeroes", filled(0), 0x8a9136aa],
    ["32 bytes of ones", filled(0xff), 0x62a8ab43],
    ["32 bytes counting up", counting, 0x46dd794e],
    ["32 bytes counting down", counting.toReversed(), 0x113fdb5c],
    ["an iSCSI SCSI Read command", command, 0xd9963a56],
    ["nothing", new Uint8Array(), 0],
    ["the digits of the catalogue of CRCs", new TextEncoder().encode("123456789"), 0xe3069283],
  ])("RFC 3720, appendix B.4: %s", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});

describe("an event file, read by the published layout", () => {
  test("contains a version, then values by their tags and steps", () => {
    const scalars = { "loss/train": 0.1, learning_rate: 1e-9, größe: -3 };
    const bytes = [...fileStart(12.5), ...scalarEvent(13.25, { step: 2 ** 40, scalars })];
    expect(readEvents(Uint8Array.from(bytes))).toEqual([
      { wallTime: 12.5, step: 0, fileVersion: "brain.Event:2" },
      {
        wallTime: 13.25,
        step: 2 ** 40,
        scalars: { "loss/train": Math.fround(0.1), learning_rate: Math.fround(1e-9), größe: -3 },
      },
    ]);
  });

  test("of a resumed run has a session start at its first step", () => {
    expect(readEvents(fileStart(7, 301))).toEqual([
      { wallTime: 7, step: 0, fileVersion: "brain.Event:2" },
      { wallTime: 7, step: 301, sessionStatus: 1 },
    ]);
  });

  test("begins with the bytes that TensorFlow's own files begin with", () => {
    // Length 24 and its masked CRC stand so in every file of TensorFlow's; then wall_time (field 1) and the version
    // (3).
    const version = [0x1a, 13, ...new TextEncoder().encode("brain.Event:2")];
    const start = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, ...version];
    expect([...fileStart(1)].slice(0, -4)).toEqual(start);
  });

  test("the reader of these tests detects a flipped bit anywhere", () => {
    const bytes = scalarEvent(1, { step: 3, scalars: { a: 1 } });
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 0x10;
      expect(() => readEvents(damaged)).toThrow();
    }
  });
});
