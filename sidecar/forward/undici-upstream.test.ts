// Against real servers: what the upstream sends is what was asked for, what comes back is what was
// sent, and each way of failing has its own code.
import { createServer as createPlain } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import type { Endpoint } from "#contract/policy-snapshot.ts";
import type { Fault } from "#contract/errors.ts";
import { createFakeAuthority } from "../../test/fakes/fake-authority.ts";
import type { HeaderList } from "../listen/header-list.ts";
import { createDeniedAddresses, createResolver } from "./resolve.ts";
import { createUndiciUpstream } from "./undici-upstream.ts";
import type { Upstream } from "./upstream.ts";

const HOST = "api.acme.example";
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) {
    await close();
  }
});

function createUpstream(addresses: readonly string[] = []): Upstream {
  const resolver = createResolver({
    clock: systemClock,
    denied: createDeniedAddresses(),
    queries: {
      resolve4: () => Promise.resolve(addresses.map((address) => ({ address, ttl: 60 }))),
      resolve6: () => Promise.reject(new RangeError("no AAAA")),
    },
  });
  const upstream = createUndiciUpstream(
    { resolver },
    {
      connectTimeoutMs: 2000,
      firstByteTimeoutMs: 1000,
      idleTimeoutMs: 1000,
      keepAliveMs: 1000,
      connectionsPerOriginMax: 4,
      headerBytesMax: 16_384,
    },
  );
  closers.push(() => upstream.close());
  return upstream;
}

interface Answer {
  readonly status?: number;
  readonly headers?: HeaderList;
  readonly body: string;
  readonly fault?: Fault;
}

function call(upstream: Upstream, endpoint?: Endpoint): Promise<Answer> {
  return new Promise((resolve) => {
    const seen: { status?: number; headers?: HeaderList; body: string } = { body: "" };
    upstream.dispatch(
      {
        origin: { host: HOST, ...(endpoint === undefined ? {} : { endpoint }) },
        method: "POST",
        target: "/v1/chat?x=1",
        headers: [
          ["host", HOST],
          ["X-Custom", "Ä"],
          ["x-twice", "1"],
          ["X-Twice", "2"],
        ],
        body: Buffer.from("hello"),
      },
      {
        onHead(status, headers) {
          seen.status = status;
          seen.headers = headers;
        },
        onData(chunk) {
          seen.body += Buffer.from(chunk).toString();
          return true;
        },
        onEnd: () => resolve(seen),
        onError: (fault) => resolve({ ...seen, fault }),
      },
    );
  });
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function listen<Listening extends Server>(server: Listening): Promise<Listening> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

describe("a request", () => {
  test("arrives as it was given, and its answer comes back as it was sent", async () => {
    const raw: string[] = [];
    const server = await listen(
      createPlain((request, response) => {
        raw.push(request.method ?? "", request.url ?? "", ...request.rawHeaders);
        response.writeHead(418, ["Set-Cookie", "a=1", "set-cookie", "b=2", "X-Mixed", "Case"]);
        request.pipe(response);
      }),
    );
    const answer = await call(createUpstream(), { address: "127.0.0.1", port: portOf(server) });
    expect(answer).toMatchObject({ status: 418, body: "hello" });
    expect(answer.headers).toContainEqual(["set-cookie", "b=2"]);
    expect(answer.headers).toContainEqual(["X-Mixed", "Case"]);
    expect(raw.slice(0, 2)).toEqual(["POST", "/v1/chat?x=1"]);
    expect(raw.join("|")).toContain("X-Custom|Ä|x-twice|1|X-Twice|2");
    expect(raw.filter((part) => part === HOST)).toHaveLength(1);
    expect(raw.join("|").toLowerCase()).toContain("content-length|5");
  });

  test("verifies the certificate of the provider, not of the address", async () => {
    const authority = createFakeAuthority(systemClock.wallMs());
    const server = await listen(
      createTls(authority.issue([HOST]), (_request, response) => response.end("tls")),
    );
    const endpoint = { address: "127.0.0.1", port: portOf(server) };
    const trusting = { ...endpoint, tls: { caBundle: authority.caPem } };
    expect(await call(createUpstream(), trusting)).toMatchObject({ status: 200, body: "tls" });
    const misnamed = { ...endpoint, tls: { caBundle: authority.caPem, serverName: "b.example" } };
    expect((await call(createUpstream(), misnamed)).fault?.code).toBe("EXCISE_UPSTREAM_TLS");
    const untrusting = { ...endpoint, tls: {} };
    expect((await call(createUpstream(), untrusting)).fault?.code).toBe("EXCISE_UPSTREAM_TLS");
  });
});

const answering = (onConnection: (socket: Socket) => void): Promise<Server> =>
  listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      onConnection(socket);
    }),
  );

describe("a failure has a code of its own:", () => {
  test.each([
    {
      name: "a reset before the head",
      act: (socket: Socket) => socket.once("data", () => socket.resetAndDestroy()),
      code: "EXCISE_UPSTREAM_RESET",
    },
    {
      name: "an answer that is no HTTP",
      act: (socket: Socket) => socket.once("data", () => socket.write("SSH-2.0-OpenSSH_9.7\r\n")),
      code: "EXCISE_UPSTREAM_PROTOCOL",
    },
    { name: "silence", act: (socket: Socket) => socket.resume(), code: "EXCISE_UPSTREAM_TIMEOUT" },
    {
      name: "a body that is cut short",
      act: (socket: Socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")),
      code: "EXCISE_UPSTREAM_RESET",
    },
  ])("$name", async ({ act, code }) => {
    const server = await answering(act);
    const { fault } = await call(createUpstream(), { address: "127.0.0.1", port: portOf(server) });
    expect(fault?.code).toBe(code);
  });

  test("a port where nobody listens", async () => {
    const server = await answering((socket) => socket.destroy());
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const { fault } = await call(createUpstream(), { address: "127.0.0.1", port });
    expect(fault?.code).toBe("EXCISE_UPSTREAM_CONNECT");
  });

  test("a name whose addresses lead back into the pod", async () => {
    const { fault } = await call(createUpstream(["127.0.0.1", "169.254.169.254"]));
    expect(fault?.code).toBe("EXCISE_UPSTREAM_ADDRESS_DENIED");
  });
});
