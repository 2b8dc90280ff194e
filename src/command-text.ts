/** Command lines in messages to the user. */

/** The command that runs tailor. */
export const TAILOR = "node bin/tailor.js";

/** Quotes a word for a shell if necessary: `runs/best`, `'my runs/best'`. */
export function shellWord(text: string): string {
  return /^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that resumes an interrupted run. */
export function resumeCommand(run: string): string {
  return `${TAILOR} train --resume ${shellWord(run)}`;
}
