/** Signals that ask a process to end: Ctrl-C, and what `kill` sends. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What shells report for a command that was interrupted. */
export const EXIT_INTERRUPTED = 130;

/**
 * Watches for an interrupt while `work` runs: the first one only sets a flag, so that the work can stop at a good place;
 * a second one ends the process at once (files are whole at every moment).
 */
export async function whileInterruptible<Result>(
  note: (line: string) => void,
  work: (isInterrupted: () => boolean) => Promise<Result>,
): Promise<Result> {
  let isInterrupted = false;
  const interrupt = () => {
    if (isInterrupted) process.exit(EXIT_INTERRUPTED);
    isInterrupted = true;
    note("\ninterrupted: stopping after this step and saving (again to stop at once)");
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(() => isInterrupted);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
