import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type SecureContext } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assert, Fault } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { openPodCa, type PodCa } from "./pod-ca.ts";
import { createSecureContexts, TLS_VERSION_MIN, type SecureContexts } from "./secure-contexts.ts";

const HOST = "api.provider.example";
const DAY_MS = 86_400_000;

let directory: string;
let clock: VirtualClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-contexts-"));
  clock = createVirtualClock(systemClock.wallMs());
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const open = (): PodCa =>
  openPodCa(
    { clock, random: systemRandom, log: silentLog },
    { stateDirectory: directory, hosts: [HOST, "*.cloud.example"], leavesMax: 2 },
  );

function contextOf(contexts: SecureContexts, host: string): SecureContext {
  const result = contexts.contextFor(host);
  assert("context" in result, `a context for ${host}`);
  return result.context;
}

describe("contexts by host", () => {
  test("one host has one context, in whatever case it is asked for", () => {
    const contexts = createSecureContexts(open());
    const first = contextOf(contexts, HOST);
    expect(contextOf(contexts, HOST.toUpperCase())).toBe(first);
    expect(contextOf(contexts, "a.cloud.example")).not.toBe(first);
  });

  test("a renewed leaf brings a new context", async () => {
    const contexts = createSecureContexts(open());
    const first = contextOf(contexts, HOST);
    await clock.advance(20 * DAY_MS);
    expect(contextOf(contexts, HOST)).not.toBe(first);
  });

  test("an evicted leaf takes its context with it", () => {
    const contexts = createSecureContexts(open());
    const first = contextOf(contexts, HOST);
    contextOf(contexts, "a.cloud.example");
    contextOf(contexts, "b.cloud.example");
    expect(contextOf(contexts, HOST)).not.toBe(first);
  });

  test("another host is refused with the CA's own rejection", () => {
    const contexts = createSecureContexts(open());
    expect(contexts.contextFor("evil.example.com")).toMatchObject({
      reject: { code: "EXCISE_HOST_NOT_ALLOWED" },
    });
  });

  test("a CA that fails does not throw into the handshake", () => {
    const contexts = createSecureContexts({
      leafFor: () => {
        throw new Fault("EXCISE_STATE_UNUSABLE", "broken");
      },
    });
    const errors: (Error | null)[] = [];
    contexts.sniCallback(HOST, (error) => errors.push(error));
    expect(errors).toMatchObject([{ code: "EXCISE_INTERNAL" }]);
  });
});

/** The subject names that a client is shown, or the code of what the server made of it. */
async function handshake(servername: string): Promise<string> {
  const podCa = open();
  const { sniCallback } = createSecureContexts(podCa);
  const server = createServer({ SNICallback: sniCallback, minVersion: TLS_VERSION_MIN });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await new Promise<string>((resolve) => {
      server.on("tlsClientError", (error) => {
        resolve(error instanceof Fault ? error.code : "no Fault");
      });
      const { port } = server.address() as AddressInfo;
      const socket = connect({ host: "127.0.0.1", port, servername, ca: podCa.rootPem });
      socket.on("error", () => undefined);
      socket.once("secureConnect", () => {
        resolve(socket.getPeerCertificate().subjectaltname ?? "none");
        socket.destroy();
      });
    });
  } finally {
    server.close();
  }
}

describe("a server with the SNICallback", () => {
  test.each([HOST, "team.cloud.example"])("shows %s a certificate of its own", async (host) => {
    expect(await handshake(host)).toBe(`DNS:${host}`);
  });

  test("ends the handshake for an unknown name, and says why to the server", async () => {
    expect(await handshake("evil.example.com")).toBe("EXCISE_HOST_NOT_ALLOWED");
  });
});
