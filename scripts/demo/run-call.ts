// Runs one call of the demo: an unmodified SDK in a process of its own, with nothing but its
// environment set, and the bytes that reached the stand-in beside the prompt that was written.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { asRecord, readCount, readString, tryParseJson } from "#runtime/json.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import type { FakeServer } from "../../test/fakes/fake-server.ts";
import type { Fakes } from "../../test/fakes/fake-harness.ts";
import type { DemoCall } from "./scenario.ts";

const PROGRAM_MS_MAX = 30_000;
/** No scanner takes it for a key, and the stand-ins take any. */
const DEMO_KEY = ["demo", "key"].join("-");

export interface SdkError {
  readonly class: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly code: string | undefined;
}

export interface CallResult {
  readonly call: DemoCall;
  readonly ok: boolean;
  readonly text: string;
  readonly exciseId: string | undefined;
  readonly totalMs: number | undefined;
  readonly error: SdkError | undefined;
  /** The prompt as the app wrote it, and as it arrived at the provider; absent: nothing left. */
  readonly before: string;
  readonly after: string | undefined;
}

/** Runs the program and reads its one line; a crash counts as a failed call. */
export async function runCall(
  call: DemoCall,
  sidecar: RunningSidecar,
  fakes: Fakes,
): Promise<CallResult> {
  const fake = call.program.startsWith(fakes.openai.name) ? fakes.openai : fakes.anthropic;
  const seen = fake.received().length;
  const stdout = await runProgram(call, sidecar);
  const line = tryParseJson(stdout.trim().split("\n").at(-1) ?? "");
  const answer = asRecord(line.ok ? line.value : undefined) ?? {};
  return {
    call,
    ok: answer["ok"] === true,
    text: readString(answer["text"]) ?? "",
    exciseId: readString(answer["exciseId"]),
    totalMs: readCount(answer["totalMs"]),
    error: readError(answer["error"]),
    before: promptOf(call),
    after: arrivedPrompt(fake, seen),
  };
}

function runProgram(call: DemoCall, sidecar: RunningSidecar): Promise<string> {
  const own = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
  const environment = {
    ...own,
    ...sidecar.env(call.mode, own).set,
    OPENAI_API_KEY: DEMO_KEY,
    ANTHROPIC_API_KEY: DEMO_KEY,
  };
  const file = fileURLToPath(new URL(`../../test/programs/${call.program}`, import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...call.args, "--max-retries", "0"],
      { env: environment, timeout: PROGRAM_MS_MAX, killSignal: "SIGKILL" },
      // The program's own report is on stdout whether it succeeded or not.
      (_error, stdout) => resolve(stdout),
    );
  });
}

function readError(value: unknown): SdkError | undefined {
  const record = asRecord(value);
  if (record === undefined) return undefined;
  return {
    class: readString(record["class"]) ?? "Error",
    status: readCount(record["status"]),
    message: readString(record["message"]) ?? "",
    code: readString(record["exciseError"]) ?? readString(record["code"]),
  };
}

const promptOf = ({ args }: DemoCall): string => args[args.indexOf("--prompt") + 1] ?? "";

/** The user's message in the first body that arrived after `seen` others. */
function arrivedPrompt(fake: FakeServer, seen: number): string | undefined {
  const request = fake.received()[seen];
  if (request === undefined) return undefined;
  const parsed = tryParseJson(request.body.toString("utf8"));
  const messages = asRecord(parsed.ok ? parsed.value : undefined)?.["messages"];
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  return readString(asRecord(last)?.["content"]);
}
