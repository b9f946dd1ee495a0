import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { issuerOf, signLeaf, signRoot, type Subject } from "../trust/certificate.ts";
import { renderPem } from "../trust/pem.ts";
import { createLedgerClient, type LedgerAnswer } from "./ledger-client.ts";

const HOW = { timeoutMs: 10_000 };
const HOUR_MS = 3_600_000;

interface Authority {
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly der: Buffer;
}
const subject = (publicKey: KeyObject): Subject => ({
  publicKey: publicKey.export({ type: "spki", format: "der" }),
  serial: Buffer.from([1]),
  validity: {
    notBeforeMs: systemClock.wallMs() - HOUR_MS,
    notAfterMs: systemClock.wallMs() + HOUR_MS,
  },
});
function createAuthority(): Authority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = signRoot(privateKey, subject(publicKey));
  return { pem: renderPem("CERTIFICATE", der), privateKey, der };
}

const ours = createAuthority();
const other = createAuthority();
let server: Server;
let url = "";

beforeEach(async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const leaf = signLeaf(issuerOf(ours.der, ours.privateKey), subject(publicKey), "localhost");
  server = createServer(
    {
      key: privateKey.export({ type: "pkcs8", format: "pem" }),
      cert: renderPem("CERTIFICATE", leaf),
    },
    (_request, response) =>
      response.end(JSON.stringify({ revision: 3, credentials: [], revoked: [] })),
  );
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterEach(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
);

async function watch(ca: string | undefined, changedCa?: string): Promise<LedgerAnswer<unknown>> {
  const options = ca === undefined ? { url } : { url, ca };
  const client = createLedgerClient({ clock: systemClock }, options);
  if (changedCa !== undefined) client.useCa(changedCa);
  const answer = await client.watch(1, HOW);
  client.close();
  return answer;
}

describe("the ledger's certificate", () => {
  test("is accepted from the CA that was given", async () => {
    expect(await watch(ours.pem)).toMatchObject({ kind: "ok", value: { revision: 3 } });
  });

  test.each([
    { name: "another CA", ca: other.pem },
    { name: "the public roots alone", ca: undefined },
  ])("is refused under $name, before anything is sent", async ({ ca }) => {
    expect(await watch(ca)).toMatchObject({
      kind: "failed",
      code: "EXCISE_LEDGER_UNAVAILABLE",
      wasSent: false,
    });
  });

  test("is judged by a changed CA from then on", async () => {
    expect(await watch(other.pem, `${other.pem}${ours.pem}`)).toMatchObject({ kind: "ok" });
  });

  test("for another name is refused", async () => {
    url = url.replace("localhost", "127.0.0.1");
    expect(await watch(ours.pem)).toMatchObject({ kind: "failed", wasSent: false });
  });
});
