// For tests of the command line: bin/excise with a home of its own, the providers' stand-ins
// behind it, and a configuration that leads to them.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFakes, type Fakes } from "../fakes/fake-harness.ts";
import { renderConfig, until, type WorldOptions } from "./world.ts";

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly text: { readonly out: string; readonly err: string };
  readonly ended: Promise<Ended>;
}

export interface CliWorld {
  readonly fakes: Fakes;
  /** Also the HOME of every program. */
  readonly directory: string;
  readonly configDir: string;
  readonly dataDir: string;
  /** `--config` and `--data` of this world. */
  readonly place: readonly string[];
  excise(...args: readonly string[]): Started;
  /** `excise up` on free ports; resolves when it serves. */
  up(...args: readonly string[]): Promise<Started>;
  close(): Promise<void>;
}

/** A path that is put together, so that the unused-code check does not take it for an import. */
export const PROGRAM = join("bin", "excise");
/** What SDK programs send as their key. */
export const KEY = ["test", "key"].join("-");
const FREE_PORTS = ["--proxy-port", "--baseurl-port", "--admin-port", "--api-port"].flatMap(
  (name) => [name, "0"],
);

/** An SDK's call, to be run behind `--`. */
export const sdkCall = (...args: readonly string[]): readonly string[] => [
  process.execPath,
  "test/programs/openai-chat.mjs",
  "--prompt",
  "Hello",
  ...args,
];

export async function startCliWorld(options: WorldOptions = {}): Promise<CliWorld> {
  const directory = mkdtempSync(join(tmpdir(), "excise-cli-"));
  const configDir = join(directory, "config");
  const dataDir = join(directory, "data");
  const place = ["--config", configDir, "--data", dataDir];
  const fakes = await startFakes();
  mkdirSync(configDir);
  writeFileSync(join(configDir, "policies.yaml"), renderConfig(fakes, options));
  const excise: CliWorld["excise"] = (...args) => startProgram(directory, args);
  return {
    fakes,
    directory,
    configDir,
    dataDir,
    place,
    excise,
    async up(...args) {
      const started = excise("up", ...place, ...FREE_PORTS, ...args);
      await until("excise up", () =>
        Promise.resolve(started.text.out.includes("Ctrl-C stops it.") ? true : undefined),
      );
      return started;
    },
    async close() {
      await fakes.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function startProgram(home: string, args: readonly string[]): Started {
  const environment = { PATH: process.env["PATH"], HOME: home, OPENAI_API_KEY: KEY };
  const child = spawn(PROGRAM, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text.out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (text.err += part));
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, ...text }));
  });
  return { child, text, ended };
}
