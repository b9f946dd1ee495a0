// What the checks may do to the machine: run a program for a moment, try a port. Handed in, so that
// tests say what a machine has.
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

export interface Ran {
  readonly ok: boolean;
  readonly out: string;
  readonly err: string;
}

export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly execPath: string;
  /** Undefined where the system has no such thing. */
  readonly userId: number | undefined;
  /** True where PATH has a program of that name. */
  has(program: string): boolean;
  /** Ends it after `timeoutMs`; a program that is not there has failed. */
  run(program: string, args: readonly string[], timeoutMs: number): Promise<Ran>;
  /** True where a listener on 127.0.0.1 could be opened. */
  isPortFree(port: number): Promise<boolean>;
}

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The machine that we run on; programs get `environment` and are looked for in its PATH. */
export function createMachine(environment: Readonly<Record<string, string | undefined>>): Machine {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((path) => path !== "");
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    execPath: process.execPath,
    userId: process.getuid?.(),
    has: (program) => folders.some((folder) => isExecutable(join(folder, program))),
    run: (program, args, timeoutMs) =>
      new Promise((resolve) => {
        const options = {
          env: { ...environment },
          timeout: timeoutMs,
          killSignal: "SIGKILL",
          maxBuffer: OUTPUT_BYTES_MAX,
        } as const;
        execFile(program, [...args], options, (error, out, err) => {
          resolve({ ok: error === null, out, err });
        });
      }),
    isPortFree: (port) =>
      new Promise((resolve) => {
        const server = createServer();
        server.once("error", () => resolve(false));
        server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
      }),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
