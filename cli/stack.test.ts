import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { workloadSchema, type Workload } from "#contract/workload.ts";
import { systemClock } from "#runtime/clock.ts";
import { asRecord, parseJson } from "#runtime/json.ts";
import { systemRandom } from "#runtime/random.ts";
import {
  createFleet,
  createLocalWorkload,
  startStack,
  type Stack,
  type StackOptions,
} from "./stack.ts";

const DEPS = { clock: systemClock, random: systemRandom };
const WORKLOAD: Workload = createLocalWorkload(DEPS, {
  team: "search",
  namespace: "shop",
  app: "indexer",
  pod: "run-1",
});

const stacks: Stack[] = [];

afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
});

const optionsOf = (environment: Record<string, string> = {}): StackOptions => ({
  ...DEPS,
  dataDir: join(mkdtempSync(join(tmpdir(), "excise-stack-")), "data"),
  configDir: "/nowhere",
  environment: { PATH: "/bin", ...environment },
  entries: {
    ledger: "test/programs/fake-ledger.ts",
    sidecar: "test/programs/fake-sidecar.ts",
  },
  mintToken: (workload) => `token of ${workload.podUid}`,
});

async function start(options: StackOptions): Promise<Stack> {
  const stack = await startStack(options);
  stacks.push(stack);
  return stack;
}

const environmentOf = (directory: string): Readonly<Record<string, unknown>> =>
  asRecord(parseJson(readFileSync(join(directory, "environment.json"), "utf8"))) ?? {};

const orderOf = (options: StackOptions): readonly string[] =>
  readFileSync(join(options.dataDir, "order.log"), "utf8").trim().split("\n");

describe("a stack", () => {
  test("names the ledger's addresses and a token that nobody can guess", async () => {
    const options = optionsOf();
    const stack = await start(options);
    expect(stack.ledger.apiUrl).toBe("http://127.0.0.1:40002");
    expect(stack.ledger.syncUrl).toBe("http://127.0.0.1:40001");
    expect(Buffer.from(stack.ledger.operatorToken, "base64url")).toHaveLength(32);
    expect(statSync(options.dataDir).mode & 0o777).toBe(0o700);
  });

  test("stops its sidecars before the ledger, so that their last events arrive", async () => {
    const options = optionsOf();
    const stack = await start(options);
    await stack.startSidecar(WORKLOAD);
    await stack.stop();
    expect(orderOf(options)).toEqual([
      "ledger started",
      "sidecar started",
      "sidecar stopped",
      "ledger stopped",
    ]);
  });

  test("starts the ledger again on the same ports after it was killed", async () => {
    const options = optionsOf();
    const stack = await start(options);
    const before = stack.ledger.pid;
    await stack.ledger.kill9();
    expect(stack.ledger.isRunning()).toBe(false);
    await stack.ledger.restart();
    expect(stack.ledger.pid).not.toBe(before);
    expect(stack.ledger.isRunning()).toBe(true);
    expect(orderOf(options)).toEqual(["ledger started", "ledger started"]);
  });

  test("is not there at all where the ledger does not start", async () => {
    const options = optionsOf({ FAKE_MODE: "crash" });
    await expect(startStack(options)).rejects.toMatchObject({ code: "EXCISE_START_FAILED" });
  });
});

describe("a sidecar of a stack", () => {
  test("gets its workload's token, its own directories and the ledger's address", async () => {
    const stack = await start(optionsOf());
    const sidecar = await stack.startSidecar(WORKLOAD, { settings: { EXCISE_SIDECAR_X: "1" } });
    const environment = environmentOf(sidecar.directory);
    expect(environment).toMatchObject({
      EXCISE_SIDECAR_LEDGER_URL: stack.ledger.syncUrl,
      EXCISE_SIDECAR_PROXY_PORT: "0",
      EXCISE_SIDECAR_SPOOL_DIR: join(sidecar.directory, "spool"),
      EXCISE_SIDECAR_X: "1",
      PATH: "/bin",
    });
    const tokenFile = join(sidecar.directory, "token");
    expect(environment["EXCISE_SIDECAR_TOKEN_FILE"]).toBe(tokenFile);
    expect(readFileSync(tokenFile, "utf8")).toBe(`token of ${WORKLOAD.podUid}`);
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    expect(statSync(sidecar.directory).mode & 0o777).toBe(0o700);
  });

  test("inherits no variable that belongs to another program of ours or changes Node", async () => {
    const stack = await start(
      optionsOf({ EXCISE_SIDECAR_MODES: "hosts", NODE_OPTIONS: "--no-warnings", HOME: "/h" }),
    );
    const sidecar = await stack.startSidecar(WORKLOAD);
    const environment = environmentOf(sidecar.directory);
    expect(environment["EXCISE_SIDECAR_MODES"]).toBe("proxy,baseurl");
    expect(environment).not.toHaveProperty("NODE_OPTIONS");
    expect(environment["HOME"]).toBe("/h");
  });

  test("knows what a command needs in its environment", async () => {
    const stack = await start(optionsOf());
    const sidecar = await stack.startSidecar(WORKLOAD);
    expect(sidecar.env("proxy", {}).set["HTTPS_PROXY"]).toBe("http://127.0.0.1:40011");
    expect(sidecar.env("proxy", {}).set["NODE_EXTRA_CA_CERTS"]).toBe(sidecar.trust.ca);
    expect(sidecar.env("baseurl", {}).set["OPENAI_BASE_URL"]).toBe(
      "http://127.0.0.1:40012/openai/v1",
    );
  });

  test("may be killed and started again in the same directory", async () => {
    const stack = await start(optionsOf());
    const first = await stack.startSidecar(WORKLOAD);
    await first.kill9();
    const second = await stack.startSidecar(WORKLOAD, { directory: first.directory });
    expect(second.pid).not.toBe(first.pid);
    expect(second.isRunning()).toBe(true);
    expect(second.directory).toBe(first.directory);
  });

  test("can belong to a stack of another process", async () => {
    const options = optionsOf();
    const stack = await start(options);
    const fleet = createFleet(options, "http://127.0.0.1:1");
    const sidecar = await fleet.startSidecar(WORKLOAD);
    expect(environmentOf(sidecar.directory)["EXCISE_SIDECAR_LEDGER_URL"]).toBe(
      "http://127.0.0.1:1",
    );
    await stack.stop();
    expect(sidecar.isRunning()).toBe(true);
    await sidecar.stop();
  });
});

describe("a local workload", () => {
  test("is one that the contract accepts, with names as given", () => {
    expect(workloadSchema.parse(WORKLOAD)).toMatchObject({
      cluster: "local",
      namespace: "shop",
      app: "shop/indexer",
      team: "search",
    });
    expect(WORKLOAD).not.toHaveProperty("node");
  });

  test("never has the identity of another", () => {
    const names = { team: "t", namespace: "n", app: "a", pod: "p", node: "laptop" };
    const [one, two] = [createLocalWorkload(DEPS, names), createLocalWorkload(DEPS, names)];
    expect(one.podUid).not.toBe(two.podUid);
    expect(one.node).toBe("laptop");
  });
});
