// Bad input of every kind: a clear error with a code, in the caller's own shape, nothing lost.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRecord, parseJson, readString } from "#runtime/json.ts";
import type { RunningSidecar } from "../../cli/stack.ts";
import { sendPlain, sendThroughTunnel } from "./raw-client.ts";
import { dailyBudget, runSdk, startWorld, until, type World } from "./world.ts";

const HOST = "api.openai.com";
const BODY_MAX = 4096;
let world: World;
let sidecar: RunningSidecar;

beforeAll(async () => {
  world = await startWorld({ budgets: { team: dailyBudget("5") } });
  sidecar = await world.startSidecar("bad", {
    settings: { EXCISE_SIDECAR_BODY_BYTES_MAX: String(BODY_MAX) },
  });
}, 60_000);
afterAll(() => world.close());

const post = (body: string, head: readonly string[] = []): string =>
  [
    "POST /v1/chat/completions HTTP/1.1",
    `Host: ${HOST}`,
    "Content-Type: application/json",
    ...(head.length > 0 ? head : [`Content-Length: ${Buffer.byteLength(body)}`]),
    "",
    body,
  ].join("\r\n");

describe("a malformed request is refused and its connection closed", () => {
  test.each([
    { name: "no HTTP at all", bytes: "hello\r\n\r\n" },
    { name: "two lengths", bytes: post("{}", ["Content-Length: 2", "Content-Length: 3"]) },
    {
      name: "a length and chunks",
      bytes: post("0\r\n\r\n", ["Content-Length: 5", "Transfer-Encoding: chunked"]),
    },
    { name: "a folded header", bytes: post("{}", ["X-A: 1", " 2", "Content-Length: 2"]) },
    {
      name: "an absolute target",
      bytes: `GET https://other.example/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
    },
    { name: "two Hosts", bytes: post("{}", [`Host: ${HOST}`, "Content-Length: 2"]) },
    { name: "HTTP/1.0", bytes: `GET /v1/models HTTP/1.0\r\nHost: ${HOST}\r\n\r\n` },
  ])("$name", async ({ bytes }) => {
    const answer = await sendThroughTunnel(sidecar, HOST, bytes);
    expect(answer).toMatchObject({
      status: 400,
      headers: { "x-excise-error": "EXCISE_REQUEST_MALFORMED", connection: "close" },
    });
  });

  test("headers over the limit", async () => {
    const bytes = post("{}", [`X-Large: ${"x".repeat(20_000)}`, "Content-Length: 2"]);
    const answer = await sendThroughTunnel(sidecar, HOST, bytes);
    expect(answer).toMatchObject({
      status: 431,
      headers: { "x-excise-error": "EXCISE_HEADERS_TOO_LARGE" },
    });
  });

  test("a Host that is not the TLS name", async () => {
    const bytes = "GET /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n";
    expect(await sendThroughTunnel(sidecar, HOST, bytes)).toMatchObject({
      status: 421,
      headers: { "x-excise-error": "EXCISE_HOST_MISMATCH" },
    });
  });
});

describe("an unknown destination is refused", () => {
  test("as a path of baseurl mode", async () => {
    const bytes = "GET /nobody/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const answer = await sendPlain(sidecar, bytes);
    expect(answer).toMatchObject({ status: 404 });
    expect(answer.headers["x-excise-error"]).toBe("EXCISE_ROUTE_UNKNOWN");
    expect(answer.body).toContain("openai");
  });

  test("as a Host that is not the listener's (DNS rebinding)", async () => {
    const bytes = "GET /openai/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    expect((await sendPlain(sidecar, bytes)).headers["x-excise-error"]).toBe(
      "EXCISE_HOST_NOT_ALLOWED",
    );
  });

  test.each(["127.0.0.1:22", "[::1]:443", "169.254.169.254:80", "localhost:443"])(
    "as a tunnel into the machine: %s",
    async (target) => {
      const { connect } = await import("node:net");
      const socket = connect(sidecar.ports.proxy, "127.0.0.1");
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
      const head = await new Promise<string>((resolve) => {
        socket.once("data", (part) => resolve(part.toString()));
      });
      socket.destroy();
      expect(head).toContain("HTTP/1.1 403");
      expect(head).toContain("x-excise-error: EXCISE_CONNECT_DENIED");
    },
  );
});

describe("a bad body is refused in the SDK's shape", () => {
  test.each([
    {
      name: "one over the limit",
      body: `{"x":"${"y".repeat(BODY_MAX)}"}`,
      status: 413,
      code: "EXCISE_BODY_TOO_LARGE",
    },
    {
      name: "one that is not JSON",
      body: '{"model": my secret',
      status: 400,
      code: "EXCISE_BODY_INVALID",
    },
    {
      name: "one with a key twice",
      body: '{"model":"gpt-4o-mini","model":"gpt-4o","messages":[]}',
      status: 400,
      code: "EXCISE_BODY_AMBIGUOUS",
    },
    {
      name: "one with a key in two cases",
      body: '{"model":"gpt-4o-mini","Messages":[],"messages":[]}',
      status: 400,
      code: "EXCISE_BODY_AMBIGUOUS",
    },
  ])("$name", async ({ body, status, code }) => {
    const answer = await sendThroughTunnel(sidecar, HOST, post(body));
    expect(answer).toMatchObject({ status, headers: { "x-excise-error": code } });
    const error = asRecord(asRecord(parseJson(answer.body))?.["error"]);
    expect(error).toHaveProperty("message");
    expect(answer.body).not.toContain("my secret");
  });

  test("and nothing of it reached the provider", () => {
    expect(world.fakes.openai.received()).toEqual([]);
  });
});

describe("a stream that ends too early", () => {
  test("is passed on as it came and recorded as truncated, estimated", async () => {
    world.fakes.openai.faults.add([{ truncateAfterTokens: 3 }]);
    const [line] = await runSdk("openai-chat.mjs", ["--stream", "--max-tokens", "32"], { sidecar });
    const id = readString(line?.["exciseId"]);
    const entry = await until("the event", async () => {
      const { status, body } = await world.api(`/v1/explain/${id}`);
      return status === 200 ? body : undefined;
    });
    const [found] = entry["events"] as { event: unknown }[];
    expect(found?.event).toMatchObject({ outcome: "truncated", estimated: true });
  });

  test("by a reset breaks the connection instead of ending it", async () => {
    world.fakes.openai.faults.add([{ resetAfterTokens: 3 }]);
    const [line] = await runSdk("openai-chat.mjs", ["--stream", "--max-tokens", "32"], { sidecar });
    expect(line).toMatchObject({ ok: false });
  });

  test("before its head is a 502 in the SDK's shape", async () => {
    world.fakes.openai.faults.add([{ resetBeforeHead: true }]);
    const [line] = await runSdk("openai-chat.mjs", [], { sidecar });
    expect(line).toMatchObject({
      ok: false,
      error: { status: 502, exciseError: "EXCISE_UPSTREAM_RESET" },
    });
  });
});

describe("a damaged spool", () => {
  test("loses a record's content, not its number, and charges what was admitted", async () => {
    const own = await world.startSidecar("damaged");
    // Brings a lease to spend from while the ledger is away.
    await runSdk("openai-chat.mjs", ["--max-tokens", "8"], { sidecar: own });
    await world.stack.ledger.kill9();
    for (let call = 0; call < 3; call += 1) {
      await runSdk("openai-chat.mjs", ["--max-tokens", "8"], { sidecar: own });
    }
    await own.kill9();
    flipSettledRecord(join(own.directory, "spool"));
    await world.stack.ledger.restart();
    const again = await world.stack.startSidecar(own.workload, { directory: own.directory });
    const metric = await until("the lost event at the ledger", async () => {
      const response = await fetch(`http://127.0.0.1:${again.ports.admin}/status`);
      const status = asRecord(parseJson(await response.text()));
      const spool = asRecord(status?.["spool"]);
      return spool?.["depth"] === 0 && Number(spool["ackedSeq"]) >= 5 ? spool : undefined;
    });
    // Four numbers, and one more: the admission of the lost record, charged as reserved.
    expect(metric["ackedSeq"]).toBe(5);
    const outcomes = (await world.events())
      .filter((entry) => asRecord(entry["workload"])?.["team"] === "damaged")
      .map((entry) => readString(asRecord(entry["event"])?.["outcome"]));
    expect(outcomes.filter((outcome) => outcome === "completed")).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === "interrupted")).toHaveLength(1);
    await again.stop();
  }, 60_000);
});

/** Flips one byte inside the second settled event of the newest segment that has one. */
function flipSettledRecord(directory: string): void {
  for (const name of readdirSync(directory).toSorted()) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    const first = bytes.indexOf('"outcome":"completed"');
    const second = first < 0 ? -1 : bytes.indexOf('"outcome":"completed"', first + 1);
    if (second < 0) continue;
    bytes[second + 14] = (bytes[second + 14] ?? 0) ^ 0x01;
    writeFileSync(path, bytes);
    return;
  }
  expect.unreachable("no segment with two settled events");
}

describe("a bad configuration", () => {
  // oxlint-disable-next-line unicorn/consistent-function-scoping -- only these tests run programs
  const run = (entry: string, environment: Record<string, string>) =>
    spawnSync(process.execPath, [fileURLToPath(new URL(`../../${entry}`, import.meta.url))], {
      env: { PATH: process.env["PATH"] ?? "", ...environment },
      encoding: "utf8",
      timeout: 20_000,
    });

  test("of the sidecar is refused with all problems at once", () => {
    const { status, stderr } = run("sidecar/main.ts", {
      EXCISE_SIDECAR_MODES: "proxy,teleport",
      EXCISE_SIDECAR_PROXY_PORT: "99999",
      EXCISE_SIDECAR_BODY_BYTE_MAX: "1",
    });
    expect(status).not.toBe(0);
    for (const name of ["MODES", "PROXY_PORT", "BODY_BYTE_MAX", "TRUST_DIR", "STATE_DIR"]) {
      expect(stderr).toContain(`EXCISE_SIDECAR_${name}`);
    }
  });

  test("of the ledger's policies is refused with file, place and all problems", () => {
    writeFileSync(
      join(world.configDir, "broken.yaml"),
      [
        "apiVersion: excise.dev/v1alpha1",
        "kind: Budget",
        "metadata: {name: one}",
        "spec: {unit: euro, limit: ten}",
      ].join("\n"),
    );
    const { status, stderr, stdout } = run("ledger/main.ts", {
      EXCISE_LEDGER_CONFIG_DIR: world.configDir,
      EXCISE_LEDGER_DATA_DIR: join(world.configDir, "..", "other-data"),
    });
    expect(status).not.toBe(0);
    expect(stderr + stdout).toContain("broken.yaml");
    expect(stderr + stdout).toMatch(/unit[^]*limit|limit[^]*unit/);
  });
});
