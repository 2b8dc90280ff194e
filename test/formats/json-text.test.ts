import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonKeys, quote } from "../../src/formats/json.ts";

describe("jsonKeys", () => {
  test("finds the keys of every object in order, whatever the strings contain", () => {
    const keys = fc.uniqueArray(fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(keys, fc.json(), fc.constantFrom("", " ", "\n\t"), (names, value, space) => {
        const members = names.map((text) => `${JSON.stringify(text)}${space}:${space}${value}`);
        expect(jsonKeys(`{${members.join(`${space},${space}`)}}`)).toEqual({ keys: names, repeated: null });
      }),
    );
  });

  test("a key may be repeated in another object, but not in the same", () => {
    expect(jsonKeys('{"a":{"b":1},"c":[{"b":1},{"b":"a"}],"b":"b"}')).toEqual({
      keys: ["a", "c", "b"],
      repeated: null,
    });
    expect(jsonKeys('{"a":[{"b":1,"c":{},"b":2}]}').repeated).toBe("b");
  });
});

describe("quote", () => {
  test.each<[unknown, string]>([
    [undefined, "nothing"],
    [null, "null"],
    [Number.NaN, "NaN"],
    ["a\n\u001b[31m", '"a\\n\\u001b[31m"'],
    [[1, [2], { a: 3 }, null], '[1,"[...]","{...}",null]'],
    [{ a: 1 }, '"{...}"'],
    ["x".repeat(1000), `"${"x".repeat(79)}...`],
  ])("%j is shown as %s", (value, shown) => {
    expect(quote(value)).toBe(shown);
  });
});
