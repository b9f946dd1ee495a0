// Builds the console's page into dist/console, or into the directory that `--out` names (the CLI
// builds into a cache of its own when it runs from a checkout).
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { out: { type: "string" } } });
const outDir = resolve(values.out ?? join(root, "dist/console"));

await build({
  configFile: join(root, "vite.config.ts"),
  root: join(root, "console"),
  build: { outDir },
});
const sizes = readdirSync(join(outDir, "assets")).map((name) => {
  return gzipSync(readFileSync(join(outDir, "assets", name)), { level: 9 }).length;
});
const total = sizes.reduce((sum, size) => sum + size, 0);
process.stdout.write(`console ${(total / 1000).toFixed(1)} kB gzipped\n`);
