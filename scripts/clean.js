// Removes the build output, so that `dist` contains no files of renamed sources.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
