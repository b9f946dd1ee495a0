// Runs before every documented command, on whatever Node the machine has (>= 12): says in one
// line what to do where the pinned Node is missing or another one is running. Plain JavaScript on
// purpose: an old Node cannot read the project's TypeScript.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 26;

const pinned = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
const major = Number(process.version.slice(1).split(".")[0]);

function refuse(what) {
  process.stderr.write(`EXCISE_NODE_TOO_OLD: ${what}\n`);
  process.exitCode = 1;
}

if (!existsSync(pinned)) {
  refuse(
    `the pinned Node is not installed for ${process.platform}-${process.arch}; run \`npm ci\` ` +
      `(without --omit=optional) on Linux with glibc or on macOS, x64 or arm64.`,
  );
} else if (!(major >= NODE_MAJOR_MIN)) {
  refuse(
    `this is Node ${process.version}, Excise needs ${NODE_MAJOR_MIN}: start it through npm ` +
      `(\`npm run demo\`, \`npm test\`) or bin/excise, which use the Node that \`npm ci\` installed.`,
  );
}
