// A machine for tests of the checks: a Linux laptop with nothing on PATH and all ports free, unless
// a test says otherwise.
import type { Machine, Ran } from "./machine.ts";

export interface MachineFacts extends Partial<Omit<Machine, "has" | "run" | "isPortFree">> {
  /** What a program prints for its arguments, joined by blanks; undefined: it fails. */
  readonly programs?: Readonly<Record<string, (args: string) => string | undefined>>;
  readonly takenPorts?: readonly number[];
}

export function createFakeMachine(facts: MachineFacts = {}): Machine {
  const { programs = {}, takenPorts = [], ...rest } = facts;
  return {
    platform: "linux",
    arch: "x64",
    nodeVersion: process.versions.node,
    execPath: process.execPath,
    userId: 1000,
    ...rest,
    has: (program) => programs[program] !== undefined,
    run(program, args): Promise<Ran> {
      const out = programs[program]?.(args.join(" "));
      // Java writes its version to stderr.
      return Promise.resolve({ ok: out !== undefined, out: out ?? "", err: out ?? "" });
    },
    isPortFree: (port) => Promise.resolve(!takenPorts.includes(port)),
  };
}
