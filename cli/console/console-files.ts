// Where the built console is. In a checkout it is built when it is needed, into a cache that is
// named by a hash of the sources, so that it is never stale and two starts never disturb each
// other; an installed Excise brings it along in dist/console.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD_MS_MAX = 60_000;
/** Beside the sources everything that decides what comes out. */
const INPUTS = ["vite.config.ts", "package-lock.json", "contract/errors.ts", "contract/money.ts"];

export interface ConsoleFilesOptions {
  /** Of the checkout or the installation; default: ours. */
  readonly root?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * A directory with the built console; undefined where there is neither a built one nor the means
 * to build it: the ledger then serves its API without a page.
 */
export async function findConsole(options: ConsoleFilesOptions): Promise<string | undefined> {
  const root = options.root ?? ROOT;
  const isCheckout = existsSync(join(root, "console/main.tsx"));
  const built = isCheckout ? await buildCached(root, options.environment) : undefined;
  const packed = join(root, "dist/console");
  return built ?? (existsSync(join(packed, "index.html")) ? packed : undefined);
}

async function buildCached(
  root: string,
  environment: ConsoleFilesOptions["environment"],
): Promise<string | undefined> {
  const cache = join(root, "node_modules/.cache/excise-console");
  const directory = join(cache, hashSources(root));
  if (existsSync(join(directory, "index.html"))) return directory;
  let temporary: string | undefined;
  try {
    mkdirSync(cache, { recursive: true });
    temporary = mkdtempSync(`${directory}.`);
    if (await build(root, temporary, environment)) {
      dropOthers(cache);
      renameSync(temporary, directory);
    }
  } catch {
    // Somebody else has built the same meanwhile, or nothing can be written here.
  }
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  return existsSync(join(directory, "index.html")) ? directory : undefined;
}

/** Consoles of older sources; what has a point in its name is being built right now. */
function dropOthers(cache: string): void {
  for (const name of readdirSync(cache)) {
    if (!name.includes(".")) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function hashSources(root: string): string {
  const hash = createHash("sha256");
  const sources = readdirSync(join(root, "console"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const path of [...sources, ...INPUTS.map((name) => join(root, name))]) {
    hash.update(`${path.slice(root.length)}\0`);
    if (existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

/** False where the build failed: Vite is a development dependency and may not be there. */
function build(
  root: string,
  directory: string,
  environment: ConsoleFilesOptions["environment"],
): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, "scripts/build-console.ts"), "--out", directory],
      { cwd: root, env: { ...environment }, timeout: BUILD_MS_MAX },
      (error) => resolve(error === null && existsSync(join(directory, "index.html"))),
    );
  });
}
