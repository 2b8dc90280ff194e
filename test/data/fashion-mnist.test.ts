import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import type { TestContext } from "vitest";
import { beforeAll, describe, expect, test } from "vitest";
import { DATA_PARTS, FASHION_MNIST } from "../../src/data/fashion-mnist.ts";
import { pixelStatistics } from "../../src/data/image-set.ts";
import { aptSource } from "../../src/data/node/apt.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadFromChain } from "../../src/data/node/chain.ts";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { stratifiedSplit } from "../../src/data/split.ts";
import { UserError } from "../../src/errors.ts";
import { allRows } from "../support/all-rows.ts";
import { idxBytes, temporaryFolder, writeFiles } from "./fixtures.ts";

describe("loadFashionMnist", () => {
  let loaded: LoadedData;
  const lines: string[] = [];
  // From the first available source; a fresh machine downloads it once.
  beforeAll(async () => {
    loaded = await loadFashionMnist({ report: (line) => lines.push(line) });
  });

  test("the four files have the published sizes and checksums", () => {
    expect(loaded.verified).toBe(true);
    expect(loaded.files).toEqual(DATA_PARTS.map((part) => FASHION_MNIST.files[part]));
    expect(lines.at(-1)).toMatch(/^Fashion-MNIST: 60,000 \+ 10,000 images, 55\.0 MB, from /);
  });

  test("60,000 and 10,000 images of 28x28, every class as often as every other", () => {
    for (const [set, count] of [
      [loaded.train, 60_000],
      [loaded.test, 10_000],
    ] as const) {
      expect(set).toMatchObject({ count, channels: 1, height: 28, width: 28 });
      expect(set.images).toMatchObject({ count, size: 784 });
      const histogram = new Array<number>(10).fill(0);
      for (const label of set.labels) histogram[label]!++;
      expect(histogram).toEqual(new Array(10).fill(count / 10));
    }
  });

  test("labels belong to their images: trousers and shoes are dark, coats and bags are bright", () => {
    // Mean brightness of a class, of 255.
    const { train } = loaded;
    const sums = new Array<number>(10).fill(0);
    const pixels = allRows(train.images);
    for (const [i, label] of train.labels.entries()) {
      let sum = 0;
      for (let pixel = i * 784; pixel < (i + 1) * 784; pixel++) sum += pixels[pixel]!;
      sums[label]! += sum;
    }
    const brightness = new Map(train.classNames.map((name, label) => [name, sums[label]! / (6000 * 784)]));
    for (const dark of ["Trouser", "Sandal", "Sneaker"]) expect(brightness.get(dark), dark).toBeLessThan(60);
    for (const bright of ["Pullover", "Coat", "Bag"]) expect(brightness.get(bright), bright).toBeGreaterThan(85);
  });

  test("training pixels have the mean 0.2860 and deviation 0.3530 that the literature normalises with", () => {
    const { mean, standardDeviation } = pixelStatistics(loaded.train);
    expect(mean).toBeClose([0.286], { tolerance: 5e-5 });
    expect(standardDeviation).toBeClose([0.353], { tolerance: 5e-5 });
  });

  test("the 5,000 validation images are 500 of each class and never change", () => {
    const { train, validation } = stratifiedSplit(loaded.train.labels, { classes: 10, validation: 5000 });
    const histogram = new Array<number>(10).fill(0);
    for (const index of validation) histogram[loaded.train.labels[index]!]!++;
    expect(histogram).toEqual(new Array(10).fill(500));
    expect(train.length).toBe(55_000);
    const hash = createHash("sha256").update(String(validation)).digest("hex");
    expect(hash.slice(0, 16)).toBe("bac82f1dbc0a334d");
  });
});

describe("loadFashionMnist with a folder", () => {
  const images = (count: number) => idxBytes([count, 28, 28], new Uint8Array(count * 784).fill(5));
  const labels = (count: number) =>
    idxBytes(
      [count],
      Array.from({ length: count }, (_, i) => i % 10),
    );
  const other = () =>
    new Map([
      ["train-images-idx3-ubyte", images(30)],
      ["train-labels-idx1-ubyte", labels(30)],
      ["t10k-images-idx3-ubyte", images(20)],
      ["t10k-labels-idx1-ubyte", labels(20)],
    ]);

  test("other data of the same format is accepted, unverified, with numbers as class names", async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, other(), { packed: false });
    const lines: string[] = [];
    const loaded = await loadFashionMnist({ folder, report: (line) => lines.push(line) });
    expect(loaded).toMatchObject({ source: "folder", folder, verified: false });
    expect([loaded.train.count, loaded.test.count]).toEqual([30, 20]);
    expect(loaded.train.classNames).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(loaded.files[1]).toEqual({
      name: "train-labels-idx1-ubyte",
      bytes: 38,
      sha256: createHash("sha256").update(labels(30)).digest("hex"),
    });
    expect(lines).toEqual([
      `Other data in the form of Fashion-MNIST: 30 + 20 images, 0.0 MB, from ${folder}; train-images-idx3-ubyte, ` +
        "train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte differ from the published files, " +
        "so classes are called 0 to 9",
    ]);
  });

  test("a given folder is the only source", async () => {
    const folder = await temporaryFolder();
    const loading = loadFashionMnist({ folder, cacheFolder: join(folder, "cache") });
    await expect(loading).rejects.toThrow(UserError);
    await expect(loading).rejects.toThrow(`${folder} has no train-images-idx3-ubyte, no train-labels-idx1-ubyte`);
    expect(await readdir(folder)).toEqual([]);
  });

  test("a truncated file is an error naming it, compressed or not", async () => {
    const folder = await temporaryFolder();
    await writeFiles(folder, other());
    const path = join(folder, "t10k-images-idx3-ubyte");
    const packed = gzipSync(images(20));
    await writeFile(`${path}.gz`, packed.subarray(0, packed.length - 20));
    await expect(loadFashionMnist({ folder })).rejects.toThrow(`${path}.gz is cut short`);
    await writeFile(path, images(20).subarray(0, 1000));
    await expect(loadFashionMnist({ folder })).rejects.toThrow(
      `${path} is not a usable IDX file: expected 15,680 bytes`,
    );
  });

  test("images of another size are an error naming the file", async () => {
    const folder = await temporaryFolder();
    const large = idxBytes([30, 32, 32], new Uint8Array(30 * 1024));
    await writeFiles(folder, other().set("train-images-idx3-ubyte", large));
    await expect(loadFashionMnist({ folder })).rejects.toThrow(
      /train-images-idx3-ubyte\.gz: expected images of 28x28, \[count, 28, 28\]; found \[30, 32, 32\]/,
    );
  });
});

describe("apt-get itself", () => {
  const PACKAGE = { name: "dataset-fashion-mnist", folder: "/usr/share/datasets/fashion-mnist", megabytes: 31 };

  /** Skips the test with its reason; a failure where peers are required. */
  function skipForLackOf(reason: string, context: TestContext): never {
    if (process.env.REQUIRE_PEERS === "1") throw new Error(`REQUIRE_PEERS=1, but ${reason}`);
    return context.skip(reason);
  }

  /** Why the package sources of this machine cannot be used, determined without the tested code. */
  async function obstacle(): Promise<string | undefined> {
    const updating = promisify(execFile)("apt-get", ["update", "--print-uris"]).catch(() => undefined);
    const url = /'(http[^']+)'/.exec((await updating)?.stdout ?? "")?.[1];
    if (!url) return "there is no apt-get with package sources (Debian package apt)";
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(60_000) }).catch(() => undefined);
    return answer?.ok ? undefined : `the package source ${new URL(url).host} cannot be reached`;
  }

  test("the real package is downloaded and verified; the system's lists and hooks are not touched", async (context) => {
    const reason = await obstacle();
    if (reason) skipForLackOf(reason, context);
    const folder = await temporaryFolder();
    // A hook as a system may have one, in a configuration file that apt-get reads before all others.
    const hooked = join(folder, "hooks.conf");
    await writeFile(hooked, `APT::Update::Post-Invoke { "touch ${folder}/hook-ran"; };\n`);
    const environment = { ...process.env, APT_CONFIG: hooked };
    const systemState = () =>
      Promise.all(["/var/lib/apt/lists", "/var/cache/apt", "/var/lib/dpkg/status"].map((path) => stat(path)));
    const before = (await systemState()).map(({ mtimeMs }) => mtimeMs);

    const cacheFolder = join(folder, "cache");
    const loaded = await loadFromChain(FASHION_MNIST, [aptSource(FASHION_MNIST, PACKAGE, environment)], {
      cacheFolder,
      report: () => {},
    });
    expect(loaded).toMatchObject({ source: "apt", verified: true });
    expect((await systemState()).map(({ mtimeMs }) => mtimeMs)).toEqual(before);
    expect(await readdir(folder)).not.toContain("hook-ran");
    const packed = await readFile(join(cacheFolder, "fashion-mnist", "t10k-labels-idx1-ubyte.gz"));
    expect(gunzipSync(packed).length).toBe(FASHION_MNIST.files.testLabels.bytes);
    expect((await loadFashionMnist({ cacheFolder })).source).toBe("cache");
  });
});
