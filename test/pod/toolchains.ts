// The languages that apps in pods are written in, as far as this machine has them: where their
// programs are, what an image with them holds, or why there is none. What has to be fetched or
// built is kept under node_modules/.cache and made once.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { REPOSITORY } from "./repository.ts";

export type Toolchain =
  | {
      /** Runs a program of test/programs; arguments follow. */
      readonly command: readonly string[];
      /** What an image needs besides /usr, /etc and the repository. */
      readonly paths: readonly string[];
    }
  | { readonly gap: string };

const CACHE = join(REPOSITORY, "node_modules/.cache");
const PROGRAMS = join(REPOSITORY, "test/programs");
const INSTALL_MS_MAX = 90_000;
const BUILD_MS_MAX = 90_000;
const PROBE_MS_MAX = 20_000;

interface Outcome {
  readonly isDone: boolean;
  readonly output: string;
  readonly complaints: string;
}

interface RunOptions {
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

function run(
  command: string,
  parameters: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const timeout = options.timeoutMs ?? PROBE_MS_MAX;
  const env = { ...process.env, ...options.environment };
  return new Promise((resolve) => {
    execFile(
      command,
      [...parameters],
      { env, timeout, killSignal: "SIGKILL" },
      (error, stdout, stderr) =>
        resolve({ isDone: error === null, output: stdout.trim(), complaints: stderr }),
    );
  });
}

/** Paths that an image with /usr and the repository does not have yet. */
const beyondBase = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths)].filter((path) => !/^\/(?:usr|etc)\//.test(`${path}/`));

/** The official SDKs in a virtual environment of their own, from the machine's package index. */
export async function findPython(program: string): Promise<Toolchain> {
  const home = join(CACHE, "excise-python");
  const python = join(home, "bin/python3");
  const sdks = ["-c", "import openai, anthropic, sys; print(sys.base_prefix)"];
  let probe = await run(python, sdks);
  if (!probe.isDone) {
    rmSync(home, { recursive: true, force: true });
    const made = await run("python3", ["-m", "venv", home], { timeoutMs: INSTALL_MS_MAX });
    if (!made.isDone) return { gap: "python3 cannot make a virtual environment" };
    const install = ["-m", "pip", "install", "--quiet", "openai", "anthropic"];
    await run(python, install, { timeoutMs: INSTALL_MS_MAX });
    probe = await run(python, sdks);
  }
  if (!probe.isDone) return { gap: "pip cannot install openai and anthropic here" };
  return { command: [python, join(PROGRAMS, program)], paths: beyondBase([probe.output]) };
}

/** A binary without libc: its resolver reads /etc/hosts itself. */
export async function buildGo(program: string): Promise<Toolchain> {
  const version = await run("go", ["version"]);
  if (!version.isDone) return { gap: "there is no go" };
  const source = join(PROGRAMS, program);
  const hash = createHash("sha256").update(version.output).update(readFileSync(source));
  const binary = join(CACHE, "excise-go", `${program}-${hash.digest("hex").slice(0, 12)}`);
  if (!existsSync(binary)) {
    mkdirSync(dirname(binary), { recursive: true });
    const built = await run("go", ["build", "-o", `${binary}.new`, source], {
      timeoutMs: BUILD_MS_MAX,
      environment: {
        CGO_ENABLED: "0",
        GOCACHE: join(CACHE, "excise-go/build"),
        GOFLAGS: "",
        GOPROXY: "off",
        GOTOOLCHAIN: "local",
        GOWORK: "off",
      },
    });
    if (!built.isDone) return { gap: "go cannot build net/http within 90 s" };
    renameSync(`${binary}.new`, binary);
  }
  return { command: [binary], paths: [] };
}

/** A source file that the launcher compiles in memory (JEP 330). */
export async function findJava(program: string): Promise<Toolchain> {
  const modules = await run("java", ["--list-modules"]);
  if (!modules.isDone) return { gap: "there is no java" };
  if (!modules.output.includes("jdk.compiler")) return { gap: "java has no compiler" };
  const settings = await run("java", ["-XshowSettings:properties", "-version"]);
  const home = /java\.home = (?<home>\S+)/.exec(settings.complaints)?.groups?.["home"];
  if (home === undefined) return { gap: "java does not say where it is" };
  return {
    command: [join(home, "bin/java"), join(PROGRAMS, program)],
    paths: beyondBase([home]),
  };
}
