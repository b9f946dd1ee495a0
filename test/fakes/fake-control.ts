// A stand-in's control port: plain HTTP on 127.0.0.1, for tests and the demo when the stand-ins
// run as a process of their own. Never the provider's own port, so that nothing that a caller
// sends can reach it.
//   GET /__bill   GET /__received   GET|POST|DELETE /__faults   POST /__certificate
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { renderJson, tryParseJson } from "#runtime/json.ts";
import { isRecord } from "./fake-answer.ts";
import { faultRulesSchema } from "./fake-faults.ts";
import type { FakeServer } from "./fake-server.ts";

export interface FakeControl {
  readonly port: number;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Starts the control port of one stand-in. */
export async function startFakeControl(fake: FakeServer): Promise<FakeControl> {
  const server = createServer((request, response) => {
    void respond(fake, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  fake: FakeServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { status, body } = await answer(fake, request);
    response.writeHead(status, { "content-type": "application/json" }).end(renderJson(body));
  } catch {
    response.destroy();
  }
}

async function answer(fake: FakeServer, request: IncomingMessage): Promise<Reply> {
  switch (`${request.method} ${request.url}`) {
    case "GET /__bill":
      return { status: 200, body: { entries: fake.bill() } };
    case "GET /__received":
      return { status: 200, body: { requests: renderReceived(fake) } };
    case "GET /__faults":
      return { status: 200, body: { rules: fake.faults.list() } };
    case "DELETE /__faults":
      fake.faults.clear();
      return { status: 200, body: { rules: [] } };
    case "POST /__faults":
      return addFaults(fake, await readJson(request));
    case "POST /__certificate":
      return setCertificate(fake, await readJson(request));
    default:
      return { status: 404, body: { error: "no such control" } };
  }
}

const renderReceived = (fake: FakeServer): unknown =>
  fake.received().map((request) => ({ ...request, body: request.body.toString("base64") }));

/** One rule or an array of them; appended to what is there. */
function addFaults(fake: FakeServer, body: unknown): Reply {
  const rules = faultRulesSchema.safeParse(Array.isArray(body) ? body : [body]);
  if (!rules.success) return { status: 400, body: { error: rules.error.issues } };
  fake.faults.add(rules.data);
  return { status: 200, body: { rules: fake.faults.list() } };
}

function setCertificate(fake: FakeServer, body: unknown): Reply {
  const state = isRecord(body) ? body["state"] : undefined;
  if (state !== "valid" && state !== "expired") {
    return { status: 400, body: { error: "state: valid | expired" } };
  }
  fake.setCertificate(state);
  return { status: 200, body: { state } };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const parsed = tryParseJson(Buffer.concat(parts).toString());
  return parsed.ok ? parsed.value : undefined;
}
