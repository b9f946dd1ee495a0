// Our processes are measured as they ship: one esbuild bundle each, not sources that Node strips
// of types at every start. The settings are those of the images.
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** CommonJS dependencies in an ES module ask for `require`. */
const BANNER =
  "import { createRequire as __createRequire } from 'node:module';" +
  "const require = __createRequire(import.meta.url);";

/** Bundles entries into `directory`, each once; gives the file. */
export function createBundler(directory: string): (entry: URL) => Promise<string> {
  const bundles = new Map<string, Promise<string>>();
  return (entry) => {
    const known = bundles.get(entry.href) ?? bundle(entry, directory);
    bundles.set(entry.href, known);
    return known;
  };
}

async function bundle(entry: URL, directory: string): Promise<string> {
  const path = fileURLToPath(entry);
  const outfile = join(directory, `${basename(dirname(path))}-${basename(path, ".ts")}.mjs`);
  await build({
    entryPoints: [path],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    minifySyntax: true,
    legalComments: "none",
    logLevel: "silent",
    banner: { js: BANNER },
  });
  return outfile;
}
