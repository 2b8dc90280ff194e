import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { acquireLock, LOCK_FILE, lockHolder } from "../../src/runs/node/run-lock.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { kill, nextLine, startChild, temporaryFolder, userErrorOf, withoutPrivileges } from "./support/helpers.ts";

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);

/** A folder with a lock of this content. */
function locked(content: unknown): { folder: string; path: string } {
  const folder = temporaryFolder();
  const path = join(folder, LOCK_FILE);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return { folder, path };
}

/** A lock left by a killed process. */
async function lockOfDeadProcess(): Promise<{ folder: string; path: string; pid: number }> {
  const folder = temporaryFolder();
  const child = startChild("hold-lock.mjs", folder);
  expect(await nextLine(child)).toBe("held");
  await kill(child);
  return { folder, path: join(folder, LOCK_FILE), pid: child.pid! };
}

describe("the lock", () => {
  test("that cannot be released any more does not hide the error that its work ended with", () => {
    const folder = temporaryFolder();
    const release = acquireLock(folder);
    rmSync(join(folder, LOCK_FILE));
    mkdirSync(join(folder, LOCK_FILE)); // Neither read nor removed as a file.
    expect(release).not.toThrow();
  });

  test("is held once, also within one process, until it is released", () => {
    const folder = temporaryFolder();
    const release = acquireLock(folder);
    expect(lockHolder(folder)).toBe(`process ${process.pid}`);
    expect(userErrorOf(() => acquireLock(folder)).message).toContain(`process ${process.pid} is writing to it`);
    release();
    expect(readdirSync(folder)).toEqual([]);
    expect(lockHolder(folder)).toBeNull();
    const releaseAgain = acquireLock(folder);
    release(); // A second time: must not give back what is not its own any more.
    expect(lockHolder(folder)).not.toBeNull();
    releaseAgain();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of a live process is refused with its number and what to do; that of a killed one is taken over", async () => {
    const folder = temporaryFolder();
    const child = startChild("hold-lock.mjs", folder);
    expect(await nextLine(child)).toBe("held");
    const error = userErrorOf(() => acquireLock(folder));
    expect(error.exitCode).toBe(1);
    expect(error.message).toBe(
      `${folder} is in use: process ${child.pid} is writing to it; wait until it has finished, or choose another folder` +
        ` (if you are sure that nothing is writing there, remove ${join(folder, LOCK_FILE)})`,
    );
    expect(lockHolder(folder)).toBe(`process ${child.pid}`);
    await kill(child);
    expect(lockHolder(folder)).toBeNull();
    const release = acquireLock(folder);
    expect(JSON.parse(readFileSync(join(folder, LOCK_FILE), "utf8")).pid).toBe(process.pid);
    release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of a dead process, requested by several at the same moment, goes to one of them", async () => {
    for (let round = 0; round < (IS_THOROUGH ? 4 : 1); round++) {
      const { folder, path } = await lockOfDeadProcess();
      // Every second time a process was killed while it replaced the lock.
      if (round % 2 === 0) copyFileSync(path, join(folder, "lock.takeover"));
      const start = String(Date.now() + 700);
      const children = Array.from({ length: 5 }, () => startChild("hold-lock.mjs", folder, start));
      const answers = await Promise.all(children.map(nextLine));
      const holders = answers.filter((answer) => answer === "held").length;
      expect(holders, answers.join("\n")).toBe(1);
      await Promise.all(children.map(kill));
      acquireLock(folder)();
    }
  });

  test("is not replaced while another process is replacing it", async () => {
    const { folder, path } = await lockOfDeadProcess();
    const content = readFileSync(path, "utf8");
    // Of a live process, of one on another machine, and of an earlier version.
    const live = JSON.stringify({ pid: process.pid, host: hostname(), started: null });
    const elsewhere = JSON.stringify({ pid: 1, host: "elsewhere", started: null });
    for (const [guard, holder] of [
      [live, `process ${process.pid}`],
      [elsewhere, "process 1 on elsewhere"],
      [null, "another process"],
    ] as const) {
      const takeover = join(folder, "lock.takeover");
      if (guard === null) mkdirSync(takeover);
      else writeFileSync(takeover, guard);
      const { message } = userErrorOf(() => acquireLock(folder));
      expect(message).toContain(`${holder} is writing to it`);
      expect(message).toMatch(/remove .*lock and .*lock\.takeover\)$/);
      expect(readFileSync(path, "utf8")).toBe(content);
      expect(existsSync(takeover)).toBe(true);
      rmSync(takeover, { recursive: true });
    }
  });

  test("is replaced although processes were killed while they replaced it, on any level", async () => {
    const { folder, path } = await lockOfDeadProcess();
    const dead = readFileSync(path, "utf8");
    for (const name of ["lock.takeover", "lock.takeover.takeover"]) writeFileSync(join(folder, name), dead);
    const release = acquireLock(folder);
    expect(readdirSync(folder)).toEqual([LOCK_FILE]);
    expect(lockHolder(folder)).toBe(`process ${process.pid}`);
    release();
    // As an earlier version left it.
    writeFileSync(path, dead);
    mkdirSync(join(folder, "lock.takeover"));
    utimesSync(join(folder, "lock.takeover"), ago(60), ago(60));
    acquireLock(folder)();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of a dead process whose number was reused is taken over", (context) => {
    if (!existsSync("/proc/self/stat")) context.skip("this system does not tell when a process started");
    // As after the restart of a container: the same number, but this process started at another time.
    const { folder, path } = locked({ pid: process.pid, host: hostname(), started: "1" });
    expect(lockHolder(folder)).toBeNull();
    acquireLock(folder)();
    expect(existsSync(path)).toBe(false);
  });

  test("of a zombie process is taken over", async (context) => {
    if (!existsSync("/proc/self/stat")) context.skip("this system does not tell when a process started");
    // The shell starts a process and, while that still runs, becomes `sleep`, which never collects it.
    const shell = spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 3600"], { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => {
      shell.kill("SIGKILL");
    });
    const pid = Number(await new Promise<Buffer>((resolve) => shell.stdout.once("data", resolve)));
    const fields = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    while (fields()[0] !== "Z") await new Promise((resolve) => setTimeout(resolve, 5));
    const { folder } = locked({ pid, host: hostname(), started: fields()[19] });
    expect(lockHolder(folder)).toBeNull();
    acquireLock(folder)();
  });

  test("of another user's process, which cannot be signalled, is refused", () => {
    // Root may signal everybody: it starts a process for a user that it is not even for the moment.
    const other = process.geteuid?.() === 0 ? spawn("sleep", ["3600"], { uid: 65_533, stdio: "ignore" }) : null;
    onTestFinished(() => {
      other?.kill("SIGKILL");
    });
    const pid = other?.pid ?? 1;
    const { folder } = locked({ pid, host: hostname(), started: null });
    chmodSync(folder, 0o755);
    expect(withoutPrivileges(() => lockHolder(folder))).toBe(`process ${pid}`);
  });

  test("of another machine is refused, as its process cannot be checked", () => {
    const { folder } = locked({ pid: 1, host: "elsewhere", started: null });
    expect(userErrorOf(() => acquireLock(folder)).message).toContain("process 1 on elsewhere is writing to it");
  });

  test.each(["", "{", "12345", '{"pid":"1"}'])(
    "that says nothing (%j) counts only while it may be being written",
    (text) => {
      const { folder, path } = locked(text);
      expect(lockHolder(folder)).toBe("another process");
      expect(userErrorOf(() => acquireLock(folder)).message).toContain("another process is writing to it");
      expect(readFileSync(path, "utf8")).toBe(text);
      utimesSync(path, ago(60), ago(60));
      expect(lockHolder(folder)).toBeNull();
      acquireLock(folder)();
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test("removed by hand and acquired by another process is not released by the first holder", () => {
    const folder = temporaryFolder();
    const release = acquireLock(folder);
    const theirs = JSON.stringify({ pid: 1, host: "elsewhere", started: null });
    writeFileSync(join(folder, LOCK_FILE), theirs);
    release();
    expect(readFileSync(join(folder, LOCK_FILE), "utf8")).toBe(theirs);
  });

  test("in a missing folder is reported as such", () => {
    const folder = join(temporaryFolder(), "none");
    expect(userErrorOf(() => acquireLock(folder)).message).toMatch(
      /^cannot lock .*none: no such file or folder \(ENOENT\)/,
    );
    expect(lockHolder(folder)).toBeNull();
  });
});
