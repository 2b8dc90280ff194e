/** What several tests of runs need: folders of their own, child processes, caught errors. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import { UserError } from "../../../src/errors.ts";

/** A new empty folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tailor-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The UserError that `act` throws; anything else fails the test. */
export function userErrorOf(act: () => unknown): UserError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    if (error instanceof UserError) return error;
  }
  throw new Error("expected a UserError, nothing was thrown");
}

/** Does `act` as an ordinary user. Permissions do not bind root: for the moment it becomes the user "nobody". */
export function withoutPrivileges<T>(act: () => T): T {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

export type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Starts a script of this folder, which imports from `dist`: Node runs no TypeScript. It is killed after the test. */
export function startChild(script: string, ...args: string[]): Child {
  const dist = fileURLToPath(new URL("../../../build/runs/node/run-folder.js", import.meta.url));
  if (!existsSync(dist))
    throw new Error("build/ is not there, and this test starts processes from it: `npm run build`");
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "inherit"], cwd: tmpdir() });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** The next line that the child prints. */
export function nextLine(child: Child): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.includes("\n")) return;
      child.stdout.off("data", onData);
      resolve(text.slice(0, text.indexOf("\n")));
    };
    child.stdout.on("data", onData);
    child.once("exit", (code) => reject(new Error(`the child ended with ${code} before it printed a line`)));
  });
}

/** Kills the process as a power cut would, and waits until it is gone. */
export function kill(child: Child): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}
