import { homedir, tmpdir } from "node:os";
import { basename, resolve } from "node:path";

/** An absolute path, POSIX's or Windows's: its last part is the group. No part of an address, a share or a date. */
const ABSOLUTE_PATH = /(?<![\w.:/\\-])(?:[A-Za-z]:)?(?:[\\/][^\s"'`,;:()\\/]+)*[\\/]([^\s"'`,;:()\\/]+)/g;

/**
 * Takes this machine's paths out of messages that clients are told: of what lies in one of `folders`, or in the user's
 * folder, the way from there is left ("runs/a/state.safetensors" of "/home/me/runs/a/state.safetensors"), of other absolute
 * paths the last part. Those with spaces are known as a whole only in these folders.
 */
export function pathHider(folders: readonly (string | undefined)[]): (message: string) => string {
  const given = [...folders, homedir(), process.cwd(), tmpdir()].filter((folder) => folder !== undefined);
  const known = [...new Set(given.flatMap((folder) => [folder, resolve(folder)]))]
    .filter((folder) => basename(folder) !== "" && !/^\.+$/.test(basename(folder)))
    .sort((a, b) => b.length - a.length);
  return (message) => {
    let shown = message;
    for (const folder of known) {
      const name = folder.replaceAll(/[^\w]/g, "\\$&");
      shown = shown.replaceAll(new RegExp(`(?<![\\w./\\\\-])${name}[\\\\/]`, "g"), "");
      shown = shown.replaceAll(new RegExp(`(?<![\\w./\\\\-])${name}(?![\\w-])`, "g"), () => basename(folder));
    }
    return shown.replaceAll(ABSOLUTE_PATH, "$1");
  };
}
