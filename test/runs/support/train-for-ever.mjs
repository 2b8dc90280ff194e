// Goes on with the run in a folder, or begins one, and saves an "epoch" as fast as it can, as training does:
// node train-for-ever.mjs FOLDER RECORD METRICS-LINE (both JSON)
import { existsSync } from "node:fs";
import { readMetrics } from "../../../build/runs/node/run-files.js";
import { createRunFolder, resumeRunFolder } from "../../../build/runs/node/run-folder.js";

const [path, record, line] = [process.argv[2], JSON.parse(process.argv[3]), JSON.parse(process.argv[4])];
const resumed = existsSync(`${path}/state.safetensors`) ? resumeRunFolder(path) : null;
const folder = resumed?.folder ?? createRunFolder(path);
folder.writeRecord(record);
const first = resumed === null ? 1 : Number(resumed.state.metadata.epoch) + 1;
const lines = resumed === null ? [] : readMetrics(path).slice(0, first - 1);
const weights = new Float32Array(200_000);
for (let epoch = first; ; epoch++) {
  lines.push({ ...line, epoch, step: epoch });
  folder.writeMetrics(lines);
  folder.writeState([{ name: "w", shape: [200_000], data: weights.fill(epoch) }], { epoch: String(epoch) });
  if (epoch === first) process.stdout.write("started\n");
}
