/** Wakes one waiter; notifications without a waiter are remembered as one. */
export interface Signal {
  notify(): void;
  /**
   * Resolves at the next notification, immediately if there was one since the last wait, or after `ms` at the latest.
   */
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
