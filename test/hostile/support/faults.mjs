/**
 * Loaded before a command (`node --import`): counts the calls that change files. The one that FAULT_AT names fails with the error
 * FAULT, or kills the process (FAULT=SIGKILL), half of what it would write being written. FAULT_LOG gets the number of calls.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { FAULT, FAULT_AT, FAULT_LOG } = process.env;
// Not for the processes that the command starts.
for (const name of ["FAULT", "FAULT_AT", "FAULT_LOG"]) delete process.env[name];
const at = Number(FAULT_AT ?? 0);
const { writeFileSync } = fs;
let calls = 0;

const CHANGES = ["appendFileSync", "fsyncSync", "mkdirSync", "renameSync", "rmSync", "rmdirSync", "unlinkSync"];
const ASYNC = ["mkdir", "mkdtemp", "rename", "rm", "writeFile"];

/** Replaces a function by one that counts. @param isCounted by its arguments */
function watch(place, name, { isCounted = () => true, half = () => {} } = {}) {
  const real = place[name];
  place[name] = (...args) => {
    if (!isCounted(...args) || ++calls !== at) return real.apply(place, args);
    if (FAULT === "SIGKILL") {
      half(real, ...args);
      process.kill(process.pid, "SIGKILL");
    }
    const error = Object.assign(new Error(`${FAULT}: injected, ${name}`), { code: FAULT, syscall: name });
    if (place === fs.promises) return Promise.reject(error);
    throw error;
  };
}

const halfOf = (content) => content.slice(0, content.length / 2);
/** Not standard output and standard error. */
const isFile = (file) => typeof file !== "number" || file > 2;

for (const name of CHANGES) watch(fs, name);
for (const name of ASYNC) watch(fs.promises, name);
watch(fs, "openSync", {
  isCounted: (_, flags = "r") => (typeof flags === "number" ? (flags & 3) !== 0 : flags !== "r"),
});
watch(fs, "writeFileSync", { isCounted: isFile, half: (real, file, content) => real(file, halfOf(content)) });
watch(fs, "writeSync", {
  isCounted: (file, content) => isFile(file) && content.length > 0,
  half: (real, file, content) => real(file, halfOf(content)),
});
syncBuiltinESMExports();

if (FAULT_LOG) process.on("exit", () => writeFileSync(FAULT_LOG, String(calls)));
