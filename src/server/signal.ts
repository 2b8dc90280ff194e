/** Wakes one waiter: rings that nobody waits for are kept as one. */
export interface Signal {
  notify(): void;
  /** Resolves at the next notify, at once if it rang since the last time, or after `ms` at the latest. */
  wait(ms: number): Promise<void>;
}

export function createSignal(): Signal {
  let isNotified = false;
  let wake: (() => void) | undefined;
  return {
    notify() {
      isNotified = true;
      wake?.();
    },
    async wait(ms) {
      if (!isNotified) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      isNotified = false;
    },
  };
}
