import { readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";

/** The process that evaluates, once it is there, stopped before it can answer. Linux only. */
export async function stoppedEvaluator(): Promise<number> {
  let pid: number | undefined;
  await expect.poll(() => (pid = evaluators()[0]), { interval: 5 }).toBeDefined();
  process.kill(pid!, "SIGSTOP");
  onTestFinished(() => {
    if (evaluators().includes(pid!)) process.kill(pid!, "SIGKILL");
  });
  return pid!;
}

/** This process's children that evaluate. Linux only. */
export const evaluators = () => workers("evaluation-worker");

/** This process's children that run a worker of this name. Linux only. */
export function workers(name: string): number[] {
  const children = readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim().split(" "),
  );
  return children
    .filter((pid) => pid !== "" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(name))
    .map(Number);
}
