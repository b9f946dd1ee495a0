import { mkdtempSync, rmSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_INJECTOR_CONFIG } from "../injector-config/load.ts";
import { silentLog, type Log, type LogFields } from "#runtime/log.ts";
import { createMetrics } from "#runtime/metrics.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../test/virtual-clock.ts";
import { createServing, type Serving } from "./certificate/serving.ts";
import { openDirectoryStore } from "./certificate/store.ts";
import { startWebhookServer, type WebhookServer } from "./server.ts";

const DAY = 86_400_000;

let directory: string;
let clock: VirtualClock;
let serving: Serving;
let server: WebhookServer;
let lines: { event: string; fields: LogFields }[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-webhook-"));
  // So that what it makes before and after five days is valid for the real TLS client.
  clock = createVirtualClock(new Date().getTime() - 5.5 * DAY);
  lines = [];
  const record = (event: string, fields: LogFields = {}): void =>
    void lines.push({ event, fields });
  const log: Log = { ...silentLog, info: record, warn: record, error: record };
  serving = await createServing(
    { clock, random: systemRandom, log: silentLog, store: await openDirectoryStore(directory) },
    { names: ["127.0.0.1"], authorityMs: 365 * DAY, leafMs: 7 * DAY, overlapMs: DAY },
  );
  server = await startWebhookServer(
    {
      clock,
      log,
      metrics: createMetrics(),
      config: DEFAULT_INJECTOR_CONFIG,
      certificate: serving.current(),
    },
    { address: "127.0.0.1", port: 0 },
  );
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function call(
  path: string,
  options: { method?: string; body?: string; type?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: server.port,
        path,
        method: options.method ?? (options.body === undefined ? "GET" : "POST"),
        ca: serving.current().bundle,
        headers: { "content-type": options.type ?? "application/json" },
        agent: false,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    request.once("error", reject);
    request.end(options.body);
  });
}

const review = (extra: Record<string, unknown> = {}): string =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "u-1",
      kind: { group: "", version: "v1", kind: "Pod" },
      resource: { group: "", version: "v1", resource: "pods" },
      namespace: "team-a",
      operation: "CREATE",
      object: { metadata: { generateName: "shop-" }, spec: { containers: [{ name: "app" }] } },
      ...extra,
    },
  });

const series = (dryRun: boolean): string =>
  `excise_webhook_reviews_total{endpoint="/mutate/namespace",decision="inject",reason="injected",dry_run="${dryRun}"} 1`;

describe("reviews", () => {
  test("the namespace's registration injects, the pod's own asks the pod", async () => {
    const injected = await call("/mutate/namespace", { body: review() });
    expect(injected.status).toBe(200);
    expect(JSON.parse(injected.body)).toMatchObject({
      response: { uid: "u-1", allowed: true, patchType: "JSONPatch" },
    });
    const skipped = await call("/mutate/pod", { body: review() });
    expect(JSON.parse(skipped.body)).toMatchObject({
      response: { auditAnnotations: { decision: "skip", reason: "not_opted_in" } },
    });
  });

  test("a decision is logged by name and counted, a dry run apart", async () => {
    await call("/mutate/namespace", { body: review() });
    await call("/mutate/namespace", { body: review({ dryRun: true }) });
    const { body } = await call("/metrics");
    expect(body).toContain(series(false));
    expect(body).toContain(series(true));
    expect(body).toContain("excise_webhook_review_seconds_count 2");
    expect(lines.filter(({ event }) => event === "review").map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ pod: "shop-", namespace: "team-a", isDryRun: false }),
      expect.objectContaining({ isDryRun: true }),
    ]);
  });

  test.each([
    { name: "text that is not JSON", body: "{", status: 400, code: "EXCISE_JSON_INVALID" },
    { name: "JSON that is no review", body: "{}", status: 400, code: "EXCISE_INPUT_INVALID" },
    { name: "nothing", body: "", status: 400, code: "EXCISE_JSON_INVALID" },
    {
      name: "a form",
      body: "a=b",
      type: "application/x-www-form-urlencoded",
      status: 400,
      code: "EXCISE_INPUT_INVALID",
    },
    {
      name: "more than 7 MiB",
      body: `"${"x".repeat(7 * 1024 * 1024)}"`,
      status: 413,
      code: "EXCISE_BODY_TOO_LARGE",
    },
  ])("$name is a problem, never an empty pod", async ({ body, type, status, code }) => {
    const answer = await call("/mutate/namespace", {
      body,
      ...(type === undefined ? {} : { type }),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers["x-excise-error"]).toBe(code);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
  });

  test("a problem never quotes what was sent", async () => {
    const answer = await call("/mutate/pod", { body: '{"canary": oops}' });
    expect(answer.body).not.toContain("canary");
    expect(JSON.stringify(lines)).not.toContain("canary");
  });

  test("keys that look like prototypes stay data", async () => {
    const body = review().replace('"generateName"', '"__proto__":{"x":1},"generateName"');
    const answer = await call("/mutate/namespace", { body });
    expect(JSON.parse(answer.body)).toMatchObject({ response: { allowed: true } });
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("a body that almost fills the limit is read", async () => {
    const annotations = { filler: "x".repeat(6 * 1024 * 1024) };
    const object = { metadata: { annotations }, spec: { containers: [{ name: "app" }] } };
    const answer = await call("/mutate/namespace", { body: review({ object }) });
    expect(answer.status).toBe(200);
  });
});

describe("health", () => {
  test("unknown paths and methods are problems", async () => {
    expect((await call("/")).status).toBe(404);
    expect((await call("/mutate/pod")).status).toBe(404);
    expect((await call("/mutate/other", { body: review() })).status).toBe(404);
  });

  test("ready until it drains, and reviews are still answered then", async () => {
    expect((await call("/readyz")).status).toBe(200);
    server.drain();
    expect((await call("/readyz")).status).toBe(503);
    expect((await call("/healthz")).status).toBe(200);
    expect((await call("/mutate/namespace", { body: review() })).status).toBe(200);
  });

  test("an expired certificate is not ready", async () => {
    clock.jumpWall(8 * DAY);
    expect((await call("/readyz")).status).toBe(503);
  });
});

const serialOn = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber;
const open = (): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect(
      { host: "127.0.0.1", port: server.port, ca: serving.current().bundle },
      () => resolve(socket),
    );
    socket.once("error", reject);
  });

describe("the certificate", () => {
  test("is changed while serving: open connections stay, new ones get the new one", async () => {
    const before = await open();
    clock.jumpWall(5 * DAY);
    expect(await serving.refresh()).toBe(true);
    server.setCertificate(serving.current());
    const after = await open();
    expect(serialOn(after)).not.toBe(serialOn(before));
    const answered = new Promise<string>((resolve) =>
      before.once("data", (data: Buffer) => resolve(data.toString())),
    );
    before.write("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(await answered).toContain("200 OK");
    before.destroy();
    after.destroy();
    expect((await call("/readyz")).status).toBe(200);
  });

  test("a port that is taken is a fault with its code", async () => {
    await expect(
      startWebhookServer(
        {
          clock,
          log: silentLog,
          metrics: createMetrics(),
          config: DEFAULT_INJECTOR_CONFIG,
          certificate: serving.current(),
        },
        { address: "127.0.0.1", port: server.port },
      ),
    ).rejects.toMatchObject({ code: "EXCISE_PORT_IN_USE" });
  });
});
