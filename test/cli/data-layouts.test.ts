/** Layouts of data from inspection to evaluation: each command finds the same images. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "tar";
import { beforeAll, describe, expect, test } from "vitest";
import { drawn, put } from "../data/picture-fixtures.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const FOLDER = sharedFolder();
/** Archives are unpacked into the cache. */
const env = { TAILOR_CACHE: join(FOLDER, "cache") };
/** Two classes: bright or dark in the left half. */
const pixel = (n: number, x: number) => (x < 8 === (n % 2 === 0) ? 200 : 20) + (n % 30);
const IMAGES = 40;

beforeAll(async () => {
  const rows = ["file,label"];
  for (let n = 0; n < IMAGES; n++) {
    put(join(FOLDER, "photos"), { [`images/${n}.png`]: await drawn((x) => [pixel(n, x)], { width: 16, height: 16 }) });
    rows.push(`${n}.png,${n % 2 ? "right" : "left"}`);
  }
  put(join(FOLDER, "photos"), { "labels.csv": `${rows.join("\n")}\n` });
  await create({ file: join(FOLDER, "photos.tar.gz"), cwd: FOLDER, gzip: true }, ["photos"]);
  mkdirSync(join(FOLDER, "pixels"));
  const header = ["label", ...Array.from({ length: 256 }, (_, i) => `pixel${i}`)].join(",");
  const row = (n: number) => [n % 2, ...Array.from({ length: 256 }, (_, i) => pixel(n, i % 16))].join(",");
  writeFileSync(
    join(FOLDER, "pixels/train.csv"),
    [header, ...Array.from({ length: IMAGES }, (_, n) => row(n))].join("\n"),
  );
});

interface Inspected {
  readonly images: Readonly<Record<"train" | "validation" | "test", number>>;
}

describe("from inspection to evaluation", () => {
  test.each(["photos", "photos/labels.csv", "photos.tar.gz", "pixels"])("%s", async (name) => {
    const data = join(FOLDER, name);
    const options = name.endsWith(".tar.gz") ? { env } : undefined;
    const out = join(FOLDER, "runs", name.replaceAll("/", "-"));
    const { images } = await tailorJson<Inspected>(["data", "inspect", data], options);
    const train = ["train", "base", "--data", data, "--skip-report", "--out", out];
    await tailorJson([...train, "--batch-size", "8", "--epochs", "2", "--threads", "1"], options);
    const record = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(record.data).toMatchObject({
      folder: data,
      trainImages: images.train,
      validationImages: images.validation,
    });
    expect(record.data.files.every(({ sha256 }: { sha256: string }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
    expect(images.train + images.validation + images.test).toBe(IMAGES);
    const evaluated = await tailorJson<{ total: number }>(["evaluate", out, "--threads", "1"], options);
    expect(evaluated.total).toBe(images.test);
  });

  test("a run is not evaluated on a table that has changed", async () => {
    const out = join(FOLDER, "runs", "pixels");
    const file = join(FOLDER, "pixels/train.csv");
    const content = readFileSync(file, "utf8");
    writeFileSync(file, content.replace("\n0,", "\n1,"));
    expect(refusalOf(await tailor(["evaluate", out, "--threads", "1", "--json"]), 1)).toMatch(
      /pixels was trained on other data: train\.csv in .*pixels has another checksum/,
    );
    writeFileSync(file, content);
  });
});
