/** Changes to the files of a folder: each gives a function that makes the change in a folder. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "../../../src/formats/safetensors.ts";

import { BLANK_SEAL, seal } from "../../../src/runs/node/hashes.ts";

export type Change = (folder: string) => void;

/** Every file of a folder and of the folders in it, with its content. */
export function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

/** @param bytes that are kept; negative: so many fewer than there are */
export function cut(name: string, bytes: number): Change {
  return (folder) => {
    const path = join(folder, name);
    truncateSync(path, bytes < 0 ? statSync(path).size + bytes : bytes);
  };
}

export function remove(...names: string[]): Change {
  return (folder) => {
    for (const name of names) rmSync(join(folder, name));
  };
}

/** A named pipe in place of a file. */
export function pipe(name: string): Change {
  return (folder) => {
    rmSync(join(folder, name), { force: true });
    execFileSync("mkfifo", [join(folder, name)]);
  };
}

export function edit(name: string, change: (text: string) => string): Change {
  return (folder) => writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
}

/** Fields of run.json; undefined takes one out, as with the file's own checksum. */
export function editRecord(changes: Record<string, unknown>): Change {
  const all = { ...changes, fileSha256: undefined };
  return edit("run.json", (text) => `${JSON.stringify({ ...JSON.parse(text), ...all }, null, 2)}\n`);
}

/** A finished or imported run as versions wrote it that had no checksums of files. */
export function forgetChecksums(folder: string): void {
  editRecord({ files: undefined })(folder);
  const path = join(folder, "model.onnx");
  const model = readFileSync(path);
  const at = model.lastIndexOf("fileSha256");
  if (at >= 0) writeFileSync(path, model.fill("x", at, at + "fileSha256".length));
}

/** Flips a bit at a share, 0 to 1, of a file's length: its size and its format stay as they are. */
export function flipBit(name: string, share = 0.5): Change {
  return (folder) => {
    const bytes = readFileSync(join(folder, name));
    const at = Math.floor(bytes.length * share);
    bytes[at]! ^= 0x04;
    writeFileSync(join(folder, name), bytes);
  };
}

/** The file's own checksum is made to match. */
export function editState(change: (state: Safetensors) => Safetensors): Change {
  return (folder) => {
    const path = join(folder, "state.safetensors");
    const { tensors, metadata } = change(decodeSafetensors(readFileSync(path), path));
    writeFileSync(path, seal(encodeSafetensors(tensors, { ...metadata, ...BLANK_SEAL }), "safetensors"));
  };
}

/** Where the state says that the run stood. */
export function editPlace(changes: Record<string, string>): Change {
  return editState(({ tensors, metadata }) => ({ tensors, metadata: { ...metadata, ...changes } }));
}

/** Weights that are NaN in model.onnx, found there by their bytes in weights.safetensors: the file stays a model. */
export function fillModelWithNaN(tensor: string): Change {
  return (folder) => {
    const path = join(folder, "weights.safetensors");
    const { data } = decodeSafetensors(readFileSync(path), path).tensors.find(({ name }) => name === tensor)!;
    const model = readFileSync(join(folder, "model.onnx"));
    const at = model.indexOf(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    if (at < 0) throw new Error(`model.onnx does not hold ${tensor}`);
    writeFileSync(join(folder, "model.onnx"), model.fill(0xff, at, at + data.byteLength));
  };
}
