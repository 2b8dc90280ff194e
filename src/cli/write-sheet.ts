import { type ContactSheet, contactSheet } from "../plots/contact-sheet.ts";
import { type ExportTarget, writeExportedFile } from "../runs/outside-files.ts";
import type { Output } from "./output.ts";

/** Where a contact sheet goes. */
export type SheetTarget = Pick<ExportTarget, "path" | "force">;

/**
 * Writes a contact sheet as a PNG picture, if there is something on it, and says where.
 *
 * @returns its path; null where there is nothing to draw
 * @throws UserError when something is there already, or the system refuses
 */
export async function writeSheet(
  { path, force }: SheetTarget,
  sheet: ContactSheet,
  output: Output,
): Promise<string | null> {
  if (sheet.images.length === 0) {
    output.note("there is nothing to draw: no contact sheet was written");
    return null;
  }
  // The figures' libraries take their time to load: not for --help.
  const [{ drawSvg }, { pngBytes }] = await Promise.all([
    import("../plots/node/draw-svg.ts"),
    import("../plots/node/png.ts"),
  ]);
  writeExportedFile({ path, force, isFolder: false }, pngBytes(drawSvg(contactSheet, sheet)));
  output.say(`contact sheet: ${path}`);
  return path;
}
