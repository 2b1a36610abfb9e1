// Prints the Khronos validator's report on each file named on the command line, as one JSON object {file: issues}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { validateBytes } = createRequire(import.meta.url)(process.argv[2]);
const reports = {};
for (const file of process.argv.slice(3)) {
  reports[file] = (await validateBytes(new Uint8Array(readFileSync(file)))).issues;
}
process.stdout.write(JSON.stringify(reports));
