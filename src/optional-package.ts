import { codeOf, UserError } from "./errors.ts";

/**
 * Loads a package that is installed by who needs it (an optional peer).
 *
 * @param what needs it, as the subject of the message: "a queue"
 * @param others packages that are needed too, for the command that installs them
 * @throws UserError that names the package when it is not installed
 */
export async function loadOptional<Loaded>(
  what: string,
  name: string,
  load: () => Promise<Loaded>,
  others: readonly string[] = [],
): Promise<Loaded> {
  try {
    return await load();
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UserError(
      `${what} needs the package ${name}, which is not installed; run: npm install ${[name, ...others].join(" ")}`,
    );
  }
}
