// Prints the environment as JSON, and the native libraries that the process has loaded by then.
import { collectEnvironment } from "../../../build/runs/node/environment.js";

const environment = collectEnvironment();
const libraries = process.report.getReport().sharedObjects;
process.stdout.write(`${JSON.stringify({ environment, libraries })}\n`);
