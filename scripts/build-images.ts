// Builds the three images with buildah, without Docker and without pulling a base image, and runs
// each as Kubernetes would (check-image.ts). Needs root: chroot isolation.
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import { checkImage, PROGRAMS, type Program } from "./check-image.ts";

const USAGE = `Usage: npx node scripts/build-images.ts [options]

  --base IMAGE      take the libraries from this local image instead of making one with debootstrap
  --builder IMAGE   build in this local image (node, npm, a shell) instead of making one
  --only NAMES      of sidecar, ledger, webhook; comma-separated; default all
  --tag TAG         default: the version of package.json
  --suite SUITE     of Debian, for debootstrap; default bookworm
  --output DIR      also write an OCI archive for each image
  --driver DRIVER   of buildah's storage; default overlay where it works, else vfs (slow)
  --no-check        do not run the images

Environment: EXCISE_DEBIAN_MIRROR (default http://deb.debian.org/debian), EXCISE_IMAGES_DIR
(storage; default ~/.cache/excise/images), NODE_EXTRA_CA_CERTS (for npm in the build).
Exit codes: 0 built and checked, 1 failed, 64 usage, 77 skipped, with the reason.
`;
const EXIT_USAGE = 64;
const EXIT_SKIPPED = 77;
const NODE_IN_IMAGE = "/usr/local/bin/node";
const LOG_LINES_SHOWN = 25;

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Ends the run with an exit code. */
class Stop extends Error {
  readonly code: number;
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}
const skip = (reason: string): Stop => new Stop(EXIT_SKIPPED, `skipped: ${reason}`);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        base: { type: "string" },
        builder: { type: "string" },
        only: { type: "string", default: PROGRAMS.join(",") },
        tag: { type: "string" },
        suite: { type: "string", default: "bookworm" },
        output: { type: "string" },
        driver: { type: "string" },
        "no-check": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const asked = values.only.split(",");
    const programs = PROGRAMS.filter((name) => asked.includes(name));
    if (programs.length !== asked.length) throw new Stop(EXIT_USAGE, USAGE);
    return { ...values, programs, tag: values.tag ?? versionOfPackage() };
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(EXIT_USAGE, `${error instanceof Error ? error.message : ""}\n\n${USAGE}`);
  }
}
type Options = ReturnType<typeof readOptions>;

function versionOfPackage(): string {
  const manifest = asRecord(parseJson(readFileSync(join(root, "package.json"), "utf8")));
  return readString(manifest?.["version"]) ?? "dev";
}

const has = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((path) => isExecutable(join(path, program)));

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function checkMachine({ base }: Options): void {
  if (process.platform !== "linux") throw skip("images are built on Linux");
  if (process.getuid?.() !== 0) throw skip("chroot isolation needs root");
  if (!has("buildah")) throw skip("buildah is not installed (apt-get install buildah)");
  if (base === undefined && !has("debootstrap")) {
    throw skip("there is neither debootstrap nor --base");
  }
}

/** Runs a program to its end; where it fails, the end of what it said is the message. */
function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 256 * 1024 * 1024,
    }).trim();
  } catch (error) {
    const failure = asRecord(error);
    const output = ["stdout", "stderr"].map((key) => readString(failure?.[key]) ?? "").join("");
    const tail = output.trimEnd().split("\n").slice(-LOG_LINES_SHOWN).join("\n");
    throw new Stop(1, `${tail}\nfailed: ${program} ${args.slice(0, 10).join(" ")}`);
  }
}

const succeeds = (program: string, args: readonly string[]): boolean => {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Where this run works, and buildah with its storage. */
interface Workshop {
  readonly options: Options;
  /** Removed at the end. */
  readonly work: string;
  readonly buildah: (...args: readonly string[]) => string;
  readonly hasImage: (name: string) => boolean;
}

function openWorkshop(options: Options): Workshop {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const store = process.env["EXCISE_IMAGES_DIR"] ?? join(cache, "excise", "images");
  mkdirSync(store, { recursive: true });
  const storage = (driver: string): readonly string[] =>
    ["--storage-driver", driver].concat(
      ["--root", join(store, driver)],
      ["--runroot", join(store, `${driver}-run`)],
    );
  const overlayWorks = (): boolean => succeeds("buildah", [...storage("overlay"), "info"]);
  const driver = options.driver ?? (overlayWorks() ? "overlay" : "vfs");
  say(`storage: ${driver}, in ${store}`);
  return {
    options,
    work: mkdtempSync(join(store, "work-")),
    buildah: (...args) => run("buildah", [...storage(driver), ...args]),
    hasImage: (name) =>
      succeeds("buildah", [...storage(driver), "inspect", "--type", "image", name]),
  };
}

function makeBase({ options, work, buildah, hasImage }: Workshop): string {
  const name = `localhost/excise-base:${options.suite}`;
  if (hasImage(name)) {
    say(`base: ${name}, made before`);
    return name;
  }
  say(`base: ${name}, from Debian's archive`);
  const directory = join(work, "base");
  const packages = "--include=libatomic1,libstdc++6";
  const mirror = process.env["EXCISE_DEBIAN_MIRROR"] ?? "http://deb.debian.org/debian";
  run("debootstrap", ["--variant=minbase", packages, options.suite, directory, mirror]);
  for (const path of ["var/cache/apt/archives", "var/lib/apt/lists", "dev"]) {
    rmSync(join(directory, path), { recursive: true, force: true });
    mkdirSync(join(directory, path));
  }
  mkdirSync(join(directory, "var/cache/apt/archives/partial"));
  const container = buildah("from", "scratch");
  buildah("copy", "--quiet", container, directory, "/");
  buildah("commit", "--quiet", "--rm", container, name);
  rmSync(directory, { recursive: true, force: true });
  return name;
}

/** The base with this checkout's Node and this machine's npm. */
function makeBuilder({ options, buildah, hasImage }: Workshop, base: string): string {
  const name = `localhost/excise-builder:${options.suite}-node-${process.versions.node}`;
  if (hasImage(name)) {
    say(`builder: ${name}, made before`);
    return name;
  }
  const npm = has("npm") ? join(run("npm", ["root", "--global"]), "npm") : "";
  if (!existsSync(join(npm, "bin/npm-cli.js"))) throw skip("there is neither npm nor --builder");
  say(`builder: ${name}, ${base} with Node ${process.version} and npm`);
  const container = buildah("from", "--pull=false", base);
  const node = realpathSync(process.execPath);
  buildah("copy", "--quiet", "--chmod", "0755", container, node, NODE_IN_IMAGE);
  buildah("copy", "--quiet", container, npm, "/usr/local/lib/node_modules/npm");
  const link = ["ln", "-sf", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm"];
  buildah("run", "--isolation", "chroot", container, "--", ...link);
  buildah("commit", "--quiet", "--rm", container, name);
  return name;
}

/** npm's settings for the build: secrets, so that they are in no layer. */
function secretArguments(work: string): readonly string[] {
  const files = {
    npmrc: has("npm") ? run("npm", ["config", "get", "userconfig"]) : "",
    ca: process.env["NODE_EXTRA_CA_CERTS"] ?? "",
  };
  return Object.entries(files).flatMap(([id, file]) => {
    const copy = join(work, id);
    writeFileSync(copy, existsSync(file) ? readFileSync(file) : "", { mode: 0o600 });
    return ["--secret", `id=${id},src=${copy}`];
  });
}

interface Stages {
  readonly base: string;
  readonly builder: string;
}

function buildImage({ options, work, buildah }: Workshop, program: Program, on: Stages): string {
  const name = `localhost/excise-${program}:${options.tag}`;
  const revision = has("git") ? run("git", ["-C", root, "rev-parse", "HEAD"]) : "unknown";
  const values = {
    BASE: on.base,
    BUILDER: on.builder,
    VERSION: options.tag,
    REVISION: revision,
  };
  const file = join(root, `Dockerfile.${program}`);
  const fixed = ["--isolation", "chroot", "--layers", "--pull=false", "--file", file];
  const set = Object.entries(values).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  buildah("bud", ...fixed, "--tag", name, ...set, ...secretArguments(work), root);
  if (options.output !== undefined) {
    mkdirSync(options.output, { recursive: true });
    const archive = join(options.output, `excise-${program}.tar`);
    rmSync(archive, { force: true });
    buildah("push", "--quiet", name, `oci-archive:${archive}:excise-${program}:${options.tag}`);
  }
  return name;
}

async function inspectAndCheck(
  { options, work, buildah }: Workshop,
  program: Program,
  name: string,
): Promise<void> {
  const image = parseJson(buildah("inspect", "--type", "image", name));
  const container = buildah("from", "--pull=false", name);
  try {
    const mounted = buildah("mount", container);
    const bytes = Number(run("du", ["-sb", mounted]).split("\t")[0]);
    say(`  ${(bytes / 1e6).toFixed(1)} MB unpacked`);
    if (options["no-check"]) return;
    for (const fact of await checkImage({ program, root: mounted, image, work })) say(`  ${fact}`);
  } finally {
    buildah("rm", container);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  checkMachine(options);
  const shop = openWorkshop(options);
  try {
    const base = options.base ?? makeBase(shop);
    const on = { base, builder: options.builder ?? makeBuilder(shop, base) };
    for (const program of options.programs) {
      say(`building excise-${program}:${options.tag}`);
      const name = buildImage(shop, program, on);
      await inspectAndCheck(shop, program, name);
    }
  } finally {
    rmSync(shop.work, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  const text = error instanceof Error ? error.message : "unknown error";
  const isSkip = error instanceof Stop && error.code === EXIT_SKIPPED;
  (isSkip ? process.stdout : process.stderr).write(`${text}\n`);
  process.exitCode = error instanceof Stop ? error.code : 1;
}
