/** Recipes of tailor's that had another name in earlier versions: by that name, today's. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["base-seed", "base-study"],
  ["enhanced-seed", "enhanced-study"],
]);

/** Today's name of a recipe. Command lines and run folders of earlier versions may hold an earlier one. */
export function currentRecipeName(name: string): string {
  return RENAMED.get(name) ?? name;
}
