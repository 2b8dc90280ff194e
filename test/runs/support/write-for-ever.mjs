// Writes a file of 4 MB again and again, each time filled with the next byte: node write-for-ever.mjs FILE
import { writeWholeFile } from "../../../build/runs/node/whole-file.js";

const content = new Uint8Array(4_000_000);
for (let n = 0; ; n++) {
  writeWholeFile(process.argv[2], content.fill(n));
  if (n === 0) process.stdout.write("started\n");
}
