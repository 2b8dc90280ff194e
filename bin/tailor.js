#!/usr/bin/env node
// Loaded here, not by a static import, whose failure nothing could explain: with a low limit the modules alone are too many files.
const { main, fail } = await import("../dist/cli/main.js").catch((error) => {
  // Where a package's files cannot be opened, Node may say that there is no such package.
  const isMissing =
    error?.code === "ERR_MODULE_NOT_FOUND" && process.report?.getReport().userLimits?.open_files.soft < 256;
  if (error?.code !== "EMFILE" && error?.code !== "ENFILE" && !isMissing) throw error;
  process.stderr.write(
    "error: too many files are open to load tailor (EMFILE); close other programs, or raise the limit (ulimit -n 1024)\n",
  );
  return { main: () => 1, fail: () => 1 };
});

// Of work that nothing waits for, such as a library's own: Node would print its stack.
process.once("uncaughtException", (error) => process.exit(fail(error, process.argv.includes("--verbose"))));
process.exitCode = await main(process.argv.slice(2));
