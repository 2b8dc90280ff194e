// Tries to lock a folder at a given time and holds the lock until killed: node hold-lock.mjs FOLDER [MILLISECONDS-OF-DAY]
import { acquireLock } from "../../../build/runs/node/run-lock.js";

const start = Number(process.argv[3] ?? 0);
while (Date.now() < start);
try {
  acquireLock(process.argv[2]);
  process.stdout.write("held\n");
} catch (error) {
  process.stdout.write(`refused: ${error.message}\n`);
}
setInterval(() => {}, 1000);
