// Removes the build output, so that it contains no files of renamed sources.
import { rmSync } from "node:fs";

for (const folder of ["../build", "../dist"])
  rmSync(new URL(folder, import.meta.url), { recursive: true, force: true });
