import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { BIN, refusalOf, start, startTailor, twoStepEpochs } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 120, test: 20 });
const args = () => [...twoStepEpochs(DATA, 1), "--skip-report", "--out", join(sharedFolder(), "run"), "--json"];

/** What the system withholds is named, and no defect of tailor's. */
describe("a system that allows too little", () => {
  test.each([20, 64])("%d open files", async (limit) => {
    const command = ["-c", `ulimit -n ${limit} && exec "$@"`, "sh", process.execPath, BIN, ...args()];
    const message = refusalOf(await start("sh", command).ended, 1);
    expect(message).toMatch(/too many files are open.*EMFILE.*; close other programs, or raise the limit \(ulimit -n/);
  });

  test("memory for the engine's library", async () => {
    const failing = `
      const load = process.dlopen;
      process.dlopen = (module, path, ...rest) => {
        if (!path.includes("onnxruntime")) return load.call(process, module, path, ...rest);
        throw Object.assign(new Error("failed to map segment from shared object"), { code: "ERR_DLOPEN_FAILED" });
      };`;
    const node = ["--import", `data:text/javascript,${encodeURIComponent(failing)}`];
    const message = refusalOf(await startTailor(args(), { node }).ended, 1);
    expect(message).toMatch(
      /ONNX Runtime's library cannot be loaded \(failed to map segment.*\); allow the process more/,
    );
  });

  test("memory for work that nothing waits for", async () => {
    const words = "WebAssembly.instantiate(): Out of memory: Cannot allocate Wasm memory for new instance";
    // Once the command has begun.
    const failing = `const write = process.stdout.write;
      process.stdout.write = (...args) => {
        setImmediate(() => { throw new RangeError("${words}"); });
        return write.apply(process.stdout, args);
      };`;
    const node = ["--import", `data:text/javascript,${encodeURIComponent(failing)}`];
    const message = refusalOf({ ...(await startTailor(["serve", "--port", "0"], { node }).ended), stdout: "" }, 1);
    expect(message).toMatch(/the system gives the process too little memory \("Out of memory"\); allow it more/);
  });

  // Where V8 or a library aborts the process, no program of Node's can say anything.
  test.skipIf(process.platform !== "linux").each([700_000, 1_000_000])(
    "%d kB of address space: never a stack, nor a defect",
    async (limit) => {
      const refused = join(sharedFolder(), "run");
      for (const words of [
        args(),
        ["predict", refused, BIN],
        ["evaluate", refused],
        ["serve", refused, "--port", "0"],
      ]) {
        const command = ["-c", `ulimit -c 0 && ulimit -v ${limit} && exec "$@"`, "sh", process.execPath, BIN, ...words];
        const { code, signal, stderr } = await start("sh", command).ended;
        expect([code, signal]).not.toEqual([0, null]);
        expect(stderr).not.toMatch(/defect|\n\s+at (?!.*node:)/);
      }
    },
  );
});
