/** Command lines that messages tell the user to type. */

/** How tailor is called. */
export const TAILOR = "node bin/tailor.js";

/** A word as a shell takes it: `runs/best`, `'my runs/best'`. */
export function shellWord(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What goes on with an interrupted run. */
export function resumeCommand(run: string): string {
  return `${TAILOR} train --resume ${shellWord(run)}`;
}
