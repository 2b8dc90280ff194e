import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf, UserError } from "../../errors.ts";
import type { PublishedData } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";
import type { RemoteSource, Report } from "./chain.ts";

/** A Debian package that contains a data set. */
export interface DataPackage {
  readonly name: string;
  /** Absolute path where it installs the compressed files. */
  readonly folder: string;
  /** Megabytes to download, without the package lists. */
  readonly megabytes: number;
}

/** Timeout of one apt-get or dpkg-deb command; far more than a slow connection needs for 30 MB. */
const COMMAND_MINUTES = 15;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/** Index files that desktop programs add to every update, some larger than the data. */
const UNUSED_INDEXES = ["Contents-deb", "DEP-11", "DEP-11-icons-small", "DEP-11-icons", "DEP-11-icons-hidpi", "CNF"];

/**
 * Source that downloads the package with apt-get and unpacks it, without root and without changing the system: lists,
 * archives and status are private, the system's hooks are disabled, nothing is installed. The system's package sources,
 * keys and proxies are used.
 *
 * @param environment whose PATH is searched for apt-get and dpkg-deb
 */
export function aptSource(
  data: PublishedData,
  dataPackage: DataPackage,
  environment: NodeJS.ProcessEnv = process.env,
): RemoteSource {
  const { name, folder, megabytes } = dataPackage;

  async function fetch(into: string, report: Report): Promise<void> {
    const work = await mkdtemp(join(tmpdir(), "tailor-apt-"));
    const run = (command: string, ...args: string[]): Promise<void> => runCommand(command, args, work, environment);
    try {
      await run("apt-get", "--version");
      await run("dpkg-deb", "--version");
      report(`fetching the Debian package ${name} with apt-get, ${megabytes} MB`);
      const configuration = await writeConfiguration(work);
      // A broken third-party source makes the update fail, yet the package may be found.
      const updated = await run("apt-get", "update", "-q", "-c", configuration).catch((error: unknown) => error);
      await run("apt-get", "download", name, "-q", "-c", configuration).catch((error: unknown) => {
        throw updated instanceof UserError && error instanceof UserError
          ? new UserError(`${updated.message}; ${error.message}`, { cause: error })
          : error;
      });
      const archive = (await readdir(work)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
      if (!archive) throw new UserError(`apt-get download left no archive of ${name}`);
      await run("dpkg-deb", "-x", archive, "unpacked");
      for (const part of DATA_PARTS) {
        const packed = `${data.files[part].name}.gz`;
        await copyFile(join(work, "unpacked", folder, packed), join(into, packed));
      }
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  return { kind: "apt", title: `the Debian package ${name}, fetched with apt-get`, fetch };
}

/**
 * Writes settings that confine apt-get to the folder `work`. Passed by `-c`, they are read last and override the
 * system's; hooks can only be cleared this way.
 */
async function writeConfiguration(work: string): Promise<string> {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "archives", "partial"), { recursive: true });
  await writeFile(join(work, "status"), "");
  const configuration = join(work, "apt.conf");
  await writeFile(
    configuration,
    `#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
${UNUSED_INDEXES.map((index) => `#clear Acquire::IndexTargets::deb::${index};`).join("\n")}
Dir::State "${work}/";
Dir::State::lists "${work}/lists/";
Dir::State::status "${work}/status";
Dir::Cache "${work}/";
Dir::Cache::archives "${work}/archives/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "${work}/";
APT::Sandbox::User "root"; // as whoever runs this: the download user of a root's apt-get cannot write here
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15"; // seconds
Acquire::https::Timeout "15";
`,
  );
  return configuration;
}

/** @throws UserError naming the command and its first argument, with its error message */
async function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  try {
    await promisify(execFile)(command, args, {
      cwd,
      env: { ...environment, LC_ALL: "C" },
      timeout: COMMAND_MINUTES * 60_000,
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT_BYTES,
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new UserError(`there is no ${command} here`, { cause: error });
    }
    throw new UserError(`${command} ${args[0]} failed: ${complaint(error)}`, { cause: error });
  }
}

/** The errors of apt-get ("E: ..."), or else the last line that the command wrote. */
function complaint(error: unknown): string {
  const output = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => line.startsWith("E: "));
  if (errors.length > 0) return errors.join(" ");
  return lines.at(-1) ?? messageOf(error);
}
