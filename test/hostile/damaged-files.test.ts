/**
 * One flipped bit, and other damage, in every kind of file that is read, through the functions that read it. What is read must be
 * what was written, bit for bit, or be refused in one message. `npm run test:hostile` flips 10,000, and does 2,000 of the others.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { serialize } from "node:v8";
import { gzipSync } from "node:zlib";
import { ByteWriter, parquetWrite } from "hyparquet-writer";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { requireOwnData } from "../../src/data/differing-file.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadCustomData, loadPicturesOfRun } from "../../src/data/node/custom-data.ts";
import { readPicturesOnce } from "../../src/data/node/picture-cache.ts";
import type { Rows } from "../../src/data/rows.ts";
import { UserError } from "../../src/errors.ts";
import { exportRun } from "../../src/exchange/export-run.ts";
import { readWeightsFile, requireStatedWeights } from "../../src/exchange/weights-file.ts";
import { randomStream } from "../../src/random.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { weightsSha256 } from "../../src/runs/node/hashes.ts";
import {
  openRun,
  RUN_FILES,
  readBest,
  readMetrics,
  readModel,
  readModelAt,
  readSplit,
  readState,
  readWeights,
  UNVERIFIED,
} from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { decodeSnapshot } from "../../src/training/node/resume.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { idxBytes } from "../data/fixtures.ts";
import { drawn, put, putClasses } from "../data/picture-fixtures.ts";
import { zipBytes } from "../data/zip-fixtures.ts";
import { allRows } from "../support/all-rows.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { sharedFolder } from "../training/support/small-data.ts";

const IS_CAMPAIGN = process.env.HOSTILE_ROUNDS !== undefined;
/** Flips of each row of the table. */
const FLIPS = Number(process.env.HOSTILE_FLIPS ?? (IS_CAMPAIGN ? 500 : IS_THOROUGH ? 12 : 2));
/** Of each other kind of damage, in each row. */
const DAMAGES = Math.ceil(FLIPS / 25);
const SEED = Number(process.env.HOSTILE_SEED ?? 1);

const FOLDER = sharedFolder();
const PICTURES = join(FOLDER, "pictures");
const RUN = join(FOLDER, "run");
const UNFINISHED = join(FOLDER, "unfinished");
const EXPORTED = join(FOLDER, "exported.safetensors");
const EXPORTED_MODEL = join(FOLDER, "exported.onnx");
const CACHE = join(FOLDER, "cache");
const STATE = join(UNFINISHED, RUN_FILES.state);
const BEST = join(UNFINISHED, RUN_FILES.best);
const quietly = () => {};

/** A file, and what reads it: its result is compared with that of the undamaged file. */
interface Row {
  readonly file: string;
  readonly by: string;
  readonly read: () => unknown;
  /** Whether its reader takes any file of the kind, which a user names: another one is no damage then. */
  readonly isAnyTaken?: boolean;
}

await putClasses(PICTURES, { a: 12, b: 12 }, { width: 16, height: 16 });
const pictures = await loadCustomData(PICTURES, { size: 16 });
const recipe = { ...findRecipe("tiny"), epochs: 2, batchSize: 8, keep: "best" as const };
const plan = { recipe, seed: 1, trainOn: "split" as const, limit: null };
const training = { data: pictures, threads: 1, runtime: nodeRuntime, report: quietly };
await trainNewRun({ ...plan, out: RUN }, training);
await trainNewRun({ ...plan, out: UNFINISHED }, { ...training, hooks: { onEpoch: () => "stop" } });
const toExport = { force: false, data: pictures, threads: 1, runtime: nodeRuntime };
await exportRun(RUN, { format: "safetensors", out: EXPORTED, ...toExport });
await exportRun(RUN, { format: "onnx", out: EXPORTED_MODEL, ...toExport });

/** Data of one's own, by the files that hold them. */
const DATA: Readonly<Record<string, string>> = {
  "IDX files": "train-images-idx3-ubyte",
  "compressed IDX files": "train-images-idx3-ubyte.gz",
  "labels of IDX files": "t10k-labels-idx1-ubyte",
  "an npz file": "keras.npz",
  "a table of pixels": "train.csv",
  "a Parquet file": "train-00000-of-00001.parquet",
  "CIFAR's binary files": "data_batch_1.bin",
};
const LABELS = [0, 1, 2, 0, 1, 2, 0, 1, 2];
const pixels = (count: number, size: number) =>
  Uint8Array.from({ length: count * size }, (_, i) => (37 * i + Math.floor(i / size)) % 251);
const idx = {
  "train-images-idx3-ubyte": idxBytes([9, 8, 8], pixels(9, 64)),
  "train-labels-idx1-ubyte": idxBytes([9], LABELS),
  "t10k-images-idx3-ubyte": idxBytes([3, 8, 8], pixels(3, 64)),
  "t10k-labels-idx1-ubyte": idxBytes([3], [2, 1, 0]),
};
const compressed = Object.fromEntries(Object.entries(idx).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]));
const csv = [
  ["label", ...Array.from({ length: 64 }, (_, i) => `pixel${i}`)],
  ...LABELS.map((label, n) => [label, ...pixels(n + 1, 64).subarray(64 * n)]),
];
const cifar = Uint8Array.from(LABELS.flatMap((label, n) => [label, ...pixels(n + 1, 3072).subarray(3072 * n)]));
const FILES: Readonly<Record<string, Readonly<Record<string, Uint8Array | string>>>> = {
  "IDX files": idx,
  "compressed IDX files": compressed,
  "labels of IDX files": idx,
  "an npz file": { "keras.npz": readFileSync(join(import.meta.dirname, "../data/arrays/keras.npz")) },
  "a table of pixels": { "train.csv": csv.map((row) => row.join(",")).join("\n") },
  "a Parquet file": { "train-00000-of-00001.parquet": await parquet() },
  "CIFAR's binary files": { "data_batch_1.bin": cifar, "test_batch.bin": cifar, "batches.meta.txt": "a\nb\nc\n" },
};

async function parquet(): Promise<Uint8Array> {
  const rows = await Promise.all(LABELS.map((label, n) => drawn((x, y) => [20 * label, 9 * n, x + y], { width: 9 })));
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: [
      { name: "image", data: rows.map((bytes, n) => ({ bytes, path: `${n}.png` })) },
      { name: "label", data: LABELS.map(BigInt) },
    ],
    schema: [
      { name: "root", num_children: 2 },
      { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
    ],
  });
  return new Uint8Array(writer.getBuffer());
}

/** Pictures in a zip file. */
const ZIPPED = join(FOLDER, "zipped.zip");
const inFolders = readdirSync(PICTURES, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));
writeFileSync(
  ZIPPED,
  zipBytes(inFolders.map((name) => ({ name: `zipped/${name}`, content: readFileSync(join(PICTURES, name)) }))),
);

/** What of data decides a training. */
const decisive = ({ train, test: tested, files }: LoadedData) => ({
  train: inMemory(train),
  tested: inMemory(tested),
  files,
});

/** The values of a set's images in place of rows, which cannot be serialized. */
function inMemory<Set extends { readonly images: Rows }>(set: Set) {
  return { ...set, images: allRows(set.images) };
}

/** Reads data as a run does that was trained on them: its record has the checksums of their files. */
async function dataRow([name, file]: readonly [string, string]): Promise<Row> {
  const folder = join(FOLDER, name);
  mkdirSync(folder);
  put(folder, FILES[name]!);
  const { files } = await loadCustomData(folder, { size: 8 });
  const read = async () => {
    const data = await loadCustomData(folder, { size: 8 });
    requireOwnData(RUN, data, files);
    return decisive(data);
  };
  return { file: join(folder, file), by: name, read };
}

const split = readSplit(RUN);
const readAsOfRun = async () => decisive(await loadPicturesOfRun(PICTURES, split, { name: RUN, report: quietly }));

/** Decoded pictures that are kept: damage is reported, and they are decoded again. */
const DECODED = join(FOLDER, "decoded");
cpSync(PICTURES, DECODED, { recursive: true });
const LISTED = ["a/0.png", "a/1.jpeg", "b/2.webp"];
const cache = { folder: CACHE, minSeconds: 0, settledSeconds: 0, maxSetBytes: 1e6, maxSets: 9, maxBytes: 1e6 };
const readCached = async () =>
  inMemory(
    await readPicturesOnce(
      DECODED,
      LISTED,
      { height: 8, width: 8, channels: 3, preparation: { kind: "fit", fit: "crop" } },
      {
        report: (line) => {
          throw new UserError(line);
        },
        cache,
      },
    ),
  );
await readCached();
/** Of the zip file's pictures, as the record of a run has them. */
let zipped: LoadedData["files"] | undefined;
const KEPT = join(CACHE, readdirSync(CACHE).find((name) => name.endsWith(".pictures"))!);

const ROWS: readonly Row[] = [
  { file: join(RUN, RUN_FILES.model), by: "readModel", read: () => readModel(RUN) },
  { file: EXPORTED_MODEL, by: "readModelAt", read: readExportedModel, isAnyTaken: true },
  { file: join(RUN, RUN_FILES.weights), by: "readWeights", read: () => readWeights(RUN) },
  { file: join(RUN, RUN_FILES.metrics), by: "readMetrics", read: () => readMetrics(RUN) },
  { file: join(RUN, RUN_FILES.split), by: "readSplit", read: () => readSplit(RUN) },
  { file: STATE, by: "readState", read: () => decodeSnapshot(readState(UNFINISHED), STATE) },
  { file: BEST, by: "readBest", read: () => readBest(UNFINISHED) },
  { file: join(RUN, RUN_FILES.record), by: "openRun", read: () => openRun(RUN).record },
  { file: EXPORTED, by: "readWeightsFile", read: readExported, isAnyTaken: true },
  ...(await Promise.all(Object.entries(DATA).map(dataRow))),
  ...LISTED.map((name) => ({ file: join(PICTURES, name), by: "loadPicturesOfRun", read: readAsOfRun })),
  { file: KEPT, by: "readPicturesOnce", read: readCached },
  { file: ZIPPED, by: "a zip file", read: readZipped },
];

async function readZipped() {
  const data = await loadCustomData(ZIPPED, { size: 8 });
  zipped ??= data.files;
  requireOwnData(RUN, data, zipped);
  return decisive(data);
}

function readExportedModel() {
  const { bytes, isVerified } = readModelAt(EXPORTED_MODEL);
  // Whoever uses it is told; without its checksum it is as other programs write it.
  if (!isVerified) throw new UserError(`${EXPORTED_MODEL}: ${UNVERIFIED}`);
  return bytes;
}

function readExported() {
  const { tensors, facts, weightsSha256: stated, ...read } = readWeightsFile(EXPORTED, quietly);
  requireStatedWeights({ tensors, facts, weightsSha256: stated, ...read }, weightsSha256(tensors));
  return { tensors, facts };
}

type Stream = ReturnType<typeof randomStream>;

/** Kinds of damage: each gives other bytes than the whole file's, and says where they differ. */
const KINDS = {
  "flipped bits": (whole: Buffer, { below }: Stream) => {
    const damaged = Buffer.from(whole);
    const [at, bit] = [below(whole.length), below(8)];
    damaged[at]! ^= 1 << bit;
    return { damaged, where: `byte ${at}, bit ${bit}` };
  },
  "cut short": (whole: Buffer, { below }: Stream) => {
    const bytes = below(whole.length);
    return { damaged: whole.subarray(0, bytes), where: `after ${bytes} bytes` };
  },
  "a block twice": (whole: Buffer, { below }: Stream) => {
    const from = below(whole.length);
    const to = from + 1 + below(whole.length - from);
    return { damaged: Buffer.concat([whole.subarray(0, to), whole.subarray(from)]), where: `bytes ${from} to ${to}` };
  },
  "a block in another's place": (whole: Buffer, { below }: Stream) => {
    const [from, to] = [below(whole.length), below(whole.length)];
    const damaged = Buffer.from(whole);
    whole.copy(damaged, to, from, from + 1 + below(512));
    // The same bytes may stand in both places.
    if (damaged.equals(whole)) damaged[to]! ^= 0xff;
    return { damaged, where: `byte ${from} on at ${to}` };
  },
  "another length": (whole: Buffer, { below }: Stream) => {
    const damaged = Buffer.from(whole);
    const at = below(whole.length - 4);
    const length = [0, 1, 0xffffffff, 0x7fffffff, whole.length, below(2 ** 16)][below(6)]!;
    if (below(2) === 0) damaged.writeUInt32LE(length, at);
    else damaged.writeUInt32BE(length, at);
    if (damaged.equals(whole)) damaged[at]! ^= 0xff;
    return { damaged, where: `${length} at byte ${at}` };
  },
  "another file": (whole: Buffer, { below }: Stream) => {
    const others = WHOLE.filter((one) => !one.equals(whole));
    const number = below(others.length);
    return { damaged: others[number]!, where: `number ${number}` };
  },
} as const;
/** The undamaged files, each of which may be taken for another. */
const WHOLE = ROWS.map(({ file }) => readFileSync(file));

const figures = new Map(Object.keys(KINDS).map((kind) => [kind, { done: 0, refused: 0, same: 0 }]));

afterAll(() => {
  if (!IS_CAMPAIGN) return;
  for (const [kind, { done, refused, same }] of figures) {
    process.stdout.write(
      `${kind}, seed ${SEED}: ${done} in ${ROWS.length} kinds of files, ${refused} refused, ${same} without an effect on what was read, ${done - refused - same} used silently or crashed\n`,
    );
  }
});

/** How often a row's file gets a kind of damage: of the others than flips the everyday suite tries one in each row. */
function roundsOf(kind: string, number: number, at: number): number {
  if (kind === "flipped bits") return FLIPS;
  if (kind === "another file" && ROWS[at]!.isAnyTaken) return 0;
  return IS_CAMPAIGN || IS_THOROUGH || number === 1 + (at % (figures.size - 1)) ? DAMAGES : 0;
}

test.each(ROWS.map((row, at) => ({ ...row, at })))(
  "damage to $file is refused by $by, or changes nothing",
  async ({ file, read, at }) => {
    const whole = readFileSync(file);
    const expected = serialize(await read());
    onTestFinished(() => writeFileSync(file, whole));
    for (const [number, [kind, damage]] of Object.entries(KINDS).entries()) {
      const random = randomStream(SEED, "check", 100 * number + at);
      const counts = figures.get(kind)!;
      for (let round = 0; round < roundsOf(kind, number, at); round++) {
        const { damaged, where } = damage(whole, random);
        writeFileSync(file, damaged);
        counts.done++;
        try {
          const found = serialize(await read());
          expect(found.equals(expected), `${kind}, ${where}`).toBe(true);
          counts.same++;
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          // Of a folder in which no file can be recognised any more, it names the folder.
          const names = [basename(file), dirname(file)];
          expect(
            names.some((name) => error.message.includes(name)),
            `${kind}, ${where}: ${error.message}`,
          ).toBe(true);
          counts.refused++;
        }
      }
    }
  },
);

test("a state in place of the best epoch's weights is refused, as both are of the same run", () => {
  const whole = readFileSync(BEST);
  onTestFinished(() => writeFileSync(BEST, whole));
  cpSync(STATE, BEST);
  expect(() => readBest(UNFINISHED)).toThrow(/best\.safetensors is a copy of a state, state\.safetensors/);
});
