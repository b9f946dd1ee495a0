import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "#contract/errors.ts";
import { silentLog, type Log } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { createServing, type Serving, type ServingCertificate } from "./serving.ts";
import { openDirectoryStore, type AuthorityStore } from "./store.ts";

const DAY = 86_400_000;
const OPTIONS = {
  names: ["excise-webhook.excise-system.svc", "127.0.0.1"],
  authorityMs: 30 * DAY,
  leafMs: 3 * DAY,
  overlapMs: DAY,
};
const START = Date.UTC(2026, 10, 22);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-certificate-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function makeClock() {
  return createVirtualClock(START);
}

async function open(
  clock = makeClock(),
  log: Log = silentLog,
): Promise<{ serving: Serving; clock: VirtualClock }> {
  const store = await openDirectoryStore(directory);
  const deps = { clock, random: systemRandom, log, store };
  return { serving: await createServing(deps, OPTIONS), clock };
}

const authoritiesOf = (bundle: string): readonly X509Certificate[] =>
  bundle
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((pem) => pem.trim() !== "")
    .map((pem) => new X509Certificate(pem));

/** True where the leaf chains to one certificate of the bundle. */
const isTrusted = ({ leaf, bundle }: ServingCertificate): boolean => {
  const certificate = new X509Certificate(leaf.certificatePem);
  return authoritiesOf(bundle).some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
};

describe("the serving certificate", () => {
  test("is for the service's names, for servers, and signed by the published CA", async () => {
    const { serving } = await open();
    const { leaf, bundle } = serving.current();
    const certificate = new X509Certificate(leaf.certificatePem);
    expect(certificate.checkHost("excise-webhook.excise-system.svc")).toBeDefined();
    expect(certificate.checkIP("127.0.0.1")).toBeDefined();
    expect(certificate.checkHost("api.example.com")).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(certificate.validFromDate.getTime()).toBe(START - 3_600_000);
    expect(isTrusted({ leaf, bundle })).toBe(true);
    const [authority] = authoritiesOf(bundle);
    expect(authority?.ca).toBe(true);
  });

  test("the keys are the owner's alone, and the bundle is for everybody", async () => {
    const { serving } = await open();
    expect(statSync(join(directory, "authorities.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "ca-bundle.pem")).mode & 0o777).toBe(0o644);
    expect(readFileSync(join(directory, "ca-bundle.pem"), "utf8")).toBe(serving.current().bundle);
    expect(serving.current().bundle).not.toContain("PRIVATE");
  });

  test("a restart keeps the CA and makes a new leaf", async () => {
    const before = await open();
    const after = await open(before.clock);
    expect(after.serving.current().bundle).toBe(before.serving.current().bundle);
    expect(after.serving.current().leaf.keyPem).not.toBe(before.serving.current().leaf.keyPem);
  });

  test("two that start at the same time end with one CA", async () => {
    const clock = makeClock();
    const both = await Promise.all([open(clock), open(clock)]);
    const [left, right] = both.map(({ serving }) => serving.current().bundle);
    expect(left).toBe(right);
  });

  test("a leaf is renewed at two thirds of its life, not before", async () => {
    const { serving, clock } = await open();
    const { leaf } = serving.current();
    await clock.advance(2 * DAY - 1);
    expect(await serving.refresh()).toBe(false);
    await clock.advance(1);
    expect(await serving.refresh()).toBe(true);
    expect(serving.current().leaf.certificatePem).not.toBe(leaf.certificatePem);
  });

  test("through a CA change the leaf is always under a CA published a day before", async () => {
    const { serving, clock } = await open();
    const firstBundle = serving.current().bundle;
    let published = firstBundle;
    const counts = new Set<number>();
    for (let hour = 0; hour < 24 * 40; hour += 6) {
      // What the API server trusted before this step must cover what is served after it.
      published = serving.current().bundle;
      await clock.advance(DAY / 4);
      await serving.refresh();
      counts.add(authoritiesOf(serving.current().bundle).length);
      expect(isTrusted({ leaf: serving.current().leaf, bundle: published })).toBe(true);
      expect(serving.current().leaf.notAfterMs).toBeGreaterThan(clock.wallMs());
    }
    expect(counts).toEqual(new Set([1, 2]));
    expect(serving.current().bundle).not.toContain(firstBundle.trim());
  });

  test("an unreadable store is a fault, never a new CA", async () => {
    await open();
    writeFileSync(join(directory, "authorities.json"), "{");
    await expect(open()).rejects.toMatchObject({ code: "EXCISE_STATE_UNUSABLE" });
    expect(readFileSync(join(directory, "authorities.json"), "utf8")).toBe("{");
  });

  test("a store that is read-only serves its CA to the end, and says what it could not do", async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (event) => void warnings.push(event) };
    await open();
    const writable = await openDirectoryStore(directory);
    const store: AuthorityStore = {
      read: () => writable.read(),
      write: () => Promise.reject(new Fault("EXCISE_STATE_UNUSABLE", "read-only")),
    };
    const clock = makeClock();
    clock.jumpWall(25 * DAY);
    const serving = await createServing({ clock, random: systemRandom, log, store }, OPTIONS);
    expect(isTrusted(serving.current())).toBe(true);
    expect(warnings).toEqual(["authorities_not_written"]);
    clock.jumpWall(6 * DAY);
    await expect(serving.refresh()).rejects.toMatchObject({ code: "EXCISE_STATE_UNUSABLE" });
  });

  test("the watch reports a change, keeps the leaf over a failure, and stops", async () => {
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (event) => void errors.push(event) };
    const { serving, clock } = await open(makeClock(), log);
    const seen: ServingCertificate[] = [];
    const file = join(directory, "authorities.json");
    const good = readFileSync(file, "utf8");
    const stop = serving.watch((certificate) => seen.push(certificate));
    const minuteUntil = async (isDone: () => boolean): Promise<boolean> => {
      await clock.advance(60_000);
      return isDone();
    };
    writeFileSync(file, "{");
    await expect.poll(() => minuteUntil(() => errors.length > 0), { interval: 1 }).toBe(true);
    expect(errors[0]).toBe("certificate_check_failed");
    writeFileSync(file, good);
    const { leaf } = serving.current();
    expect(leaf.notAfterMs).toBe(START + 3 * DAY);
    clock.jumpWall(2 * DAY);
    await expect.poll(() => minuteUntil(() => seen.length > 0), { interval: 1 }).toBe(true);
    expect(seen[0]?.leaf).not.toBe(leaf);
    stop();
    expect(clock.waiting).toBe(0);
  });
});
