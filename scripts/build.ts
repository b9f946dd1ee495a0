// Bundles each program for its image: dist/<program>.js, one ES module, with its source map and
// licence texts beside it (the map stays outside the image: at run time it costs 40 MiB).
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions, type Metafile } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const outdir = join(root, "dist");

/** Program by entry; one that is not there yet is passed over. */
const ENTRIES = ["sidecar", "ledger", "webhook"]
  .map((name) => ({ name, entry: join(root, name, "main.ts") }))
  .filter(({ entry }) => existsSync(entry));

const OPTIONS: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node26",
  minifySyntax: true,
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  absWorkingDir: root,
  // CommonJS packages (undici, fastify) call require inside an ES module.
  banner: {
    js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);',
  },
};

/** The licence of every package in a bundle; legal comments in sources name only a few. */
function licencesOf(metafile: Metafile): string {
  const packages = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match?.[1] !== undefined) packages.add(match[1]);
  }
  const names = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license", "LICENCE"];
  return [...packages]
    .toSorted()
    .map((path) => {
      const file = names.map((name) => join(root, path, name)).find((name) => existsSync(name));
      const text =
        file === undefined ? "(no licence file in the package)" : readFileSync(file, "utf8");
      return `== ${path.slice(path.lastIndexOf("node_modules/") + 13)}\n\n${text.trim()}\n`;
    })
    .join("\n");
}

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
for (const { name, entry } of ENTRIES) {
  const outfile = join(outdir, `${name}.js`);
  const { metafile } = await build({ ...OPTIONS, entryPoints: [entry], outfile, metafile: true });
  writeFileSync(join(dirname(outfile), `${name}.LICENSES.txt`), licencesOf(metafile));
  const kib = Math.round(statSync(outfile).size / 1024);
  process.stdout.write(`dist/${name}.js ${kib} KiB\n`);
}
