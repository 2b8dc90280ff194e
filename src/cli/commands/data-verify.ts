import { verifyData } from "../../runs/node/verify-data.ts";
import { counted } from "../../text.ts";
import type { Output } from "../output.ts";

/** Where runs are looked for if none is named. */
const DEFAULT_RUNS = "runs";

/** `data verify`: whether data of one's own are as they were at their first training. */
export async function dataVerify(folder: string, runs: readonly string[], output: Output): Promise<number> {
  const found = await verifyData(folder, { runs: runs.length > 0 ? runs : [DEFAULT_RUNS], report: output.note });
  const { run, startedAt, files, changed, missing, added } = found;
  for (const { name, sha256, found: now } of changed) output.say(`changed: ${name}: SHA-256 ${now}, was ${sha256}`);
  for (const name of missing) output.say(`missing: ${name}`);
  for (const name of added) output.say(`added: ${name}`);
  const isSame = changed.length + missing.length + added.length === 0;
  const when = `when ${run} was trained (${startedAt.slice(0, 10)})`;
  output.say(
    isSame
      ? `${found.folder}: all ${counted(files, "file")} as ${when}`
      : `${found.folder} is not as ${when}: of ${counted(files, "file")} ${changed.length} changed, ${missing.length} missing; ${added.length} added`,
  );
  output.result({ ...found });
  return isSame ? 0 : 1;
}
