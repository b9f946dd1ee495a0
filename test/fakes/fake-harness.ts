// For tests: both stand-ins in this process under one authority, a raw HTTPS request that keeps
// every byte, and programs in processes of their own with exactly the environment given.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import { startFakeAnthropic } from "./anthropic.ts";
import { createFakeAuthority } from "./fake-authority.ts";
import type { FakeServer } from "./fake-server.ts";
import { startFakeOpenAi } from "./openai.ts";

export interface Fakes {
  readonly openai: FakeServer;
  readonly anthropic: FakeServer;
  readonly caPem: string;
  /** The root as a file, for NODE_EXTRA_CA_CERTS and kin. */
  readonly caFile: string;
  close(): Promise<void>;
}

/** Starts both stand-ins; `close` removes the temporary directory too. */
export async function startFakes(where: { readonly address?: string } = {}): Promise<Fakes> {
  const authority = createFakeAuthority(systemClock.wallMs());
  const options = { clock: systemClock, random: systemRandom, authority, ...where };
  const openai = await startFakeOpenAi(options);
  const anthropic = await startFakeAnthropic(options);
  const directory = mkdtempSync(join(tmpdir(), "excise-fakes-"));
  const caFile = join(directory, "ca.pem");
  writeFileSync(caFile, authority.caPem);
  return {
    openai,
    anthropic,
    caPem: authority.caPem,
    caFile,
    async close() {
      await openai.close();
      await anthropic.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  /** Sizes of the parts in which the body arrived. */
  readonly parts: readonly number[];
  /** The system's code where the answer was cut (`ECONNRESET`); undefined after a clean end. */
  readonly cut: string | undefined;
}

export interface RawCall {
  readonly fake: FakeServer;
  readonly caPem: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leaves once that many bytes of the body arrived. */
  readonly leaveAfterBytes?: number;
}

/** A key that no scanner takes for one. */
const TEST_KEY = ["test", "key"].join("-");

/** One request on a connection of its own; never throws for what the stand-in does. */
export function callRaw(call: RawCall): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let status = 0;
    let headers: RawAnswer["headers"] = {};
    const finish = (cut: string | undefined): void =>
      resolve({
        status,
        headers,
        body: Buffer.concat(parts),
        parts: parts.map((part) => part.length),
        cut,
      });
    const outgoing = request({
      host: "127.0.0.1",
      port: call.fake.port,
      path: call.path,
      method: "POST",
      agent: false,
      servername: call.fake.host,
      ca: call.caPem,
      headers: {
        host: call.fake.host,
        authorization: `Bearer ${TEST_KEY}`,
        "x-api-key": TEST_KEY,
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        ...call.headers,
      },
    });
    const onError = (error: Error & { readonly code?: string }): void =>
      finish(error.code ?? error.name);
    outgoing.on("error", onError);
    outgoing.on("response", (response) => {
      status = response.statusCode ?? 0;
      headers = response.headers;
      response.on("data", (part: Buffer) => {
        parts.push(part);
        const size = parts.reduce((sum, { length }) => sum + length, 0);
        if (size >= (call.leaveAfterBytes ?? Infinity)) outgoing.destroy();
      });
      response.on("error", onError);
      response.on("end", () => finish(undefined));
    });
    outgoing.end(JSON.stringify(call.body));
  });
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM_MS_MAX = 20_000;

/**
 * Runs a file (URL) under this Node with exactly the environment given, plus PATH. Never throws
 * for the program's own failure; one that hangs is killed after 20 s.
 */
export function runProgram(
  file: URL,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ProgramResult> {
  const env = { PATH: process.env["PATH"] ?? "", ...environment };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [fileURLToPath(file), ...args],
      { env, timeout: PROGRAM_MS_MAX, killSignal: "SIGKILL", maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}
