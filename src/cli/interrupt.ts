/** Signals that ask a process to end (Ctrl-C, and what `kill` sends) with the exit codes that shells give them. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof EXIT_CODES;
const SIGNALS: readonly EndingSignal[] = ["SIGINT", "SIGTERM"];

/**
 * Handles interrupts while `work` runs: the first one only sets a flag, so that the work can stop cleanly; a second one
 * ends the process immediately (files are written atomically).
 *
 * @returns the result of the work, and the exit code of the interrupt if there was one
 */
export async function whileInterruptible<Result>(
  note: (line: string) => void,
  work: (isInterrupted: () => boolean) => Promise<Result>,
): Promise<{ result: Result; interruptedBy: number | undefined }> {
  let interruptedBy: number | undefined;
  const interrupt = (signal: EndingSignal) => {
    if (interruptedBy !== undefined) process.exit(EXIT_CODES[signal]);
    interruptedBy = EXIT_CODES[signal];
    note("\ninterrupted: stopping after this step and saving (again to stop at once)");
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const result = await work(() => interruptedBy !== undefined);
    return { result, interruptedBy };
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

/** Resolves at the first interrupt; a second one ends the process immediately. For work that has no other end. */
export async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });
  for (const signal of SIGNALS) process.once(signal, () => process.exit(EXIT_CODES[signal]));
}
