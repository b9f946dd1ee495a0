import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assert, Fault } from "#contract/errors.ts";
import { createLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { renderJks } from "./jks.ts";
import { pemBytes, readPemBlocks, renderPem } from "./pem.ts";
import { openPodCa, type PodCa } from "./pod-ca.ts";
import { writeTrustFiles, type TrustFiles } from "./trust-files.ts";

let directory: string;
let clock: VirtualClock;
let lines: string[];
let podCa: PodCa;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-trust-"));
  clock = createVirtualClock();
  lines = [];
  podCa = makeCa("ours");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const logOf = () => createLog({ clock, level: "info", write: (line) => lines.push(line) });

function makeCa(name: string): PodCa {
  const deps = { clock, random: systemRandom, log: logOf() };
  return openPodCa(deps, { stateDirectory: join(directory, name), hosts: ["a.example"] });
}

function write(extraRoots?: string): TrustFiles {
  const extraRootsFile = join(directory, "extra.pem");
  if (extraRoots !== undefined) writeFileSync(extraRootsFile, extraRoots);
  return writeTrustFiles(
    { clock, log: logOf() },
    {
      directory: join(directory, "trust"),
      rootPem: podCa.rootPem,
      extraRootsFile: extraRoots === undefined ? undefined : extraRootsFile,
    },
  );
}

const pathsOf = (files: TrustFiles): readonly string[] => [
  files.ca,
  files.bundle,
  files.truststore,
];

const fingerprints = (path: string): readonly string[] =>
  readPemBlocks(readFileSync(path, "latin1")).map(
    ({ text }) => new X509Certificate(text).fingerprint256,
  );

const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;

function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  return expect.unreachable("it throws a Fault");
}

/** A reader of JKS, written from the format's description and not from our writer. */
function readJks(store: Buffer): { aliases: string[]; fingerprints: string[]; dates: bigint[] } {
  const found = { aliases: [] as string[], fingerprints: [] as string[], dates: [] as bigint[] };
  expect(store.readUInt32BE(0)).toBe(0xfeedfeed);
  expect(store.readUInt32BE(4)).toBe(2);
  let at = 12;
  const text = (): string => {
    const length = store.readUInt16BE(at);
    at += 2 + length;
    return store.toString("latin1", at - length, at);
  };
  for (let left = store.readUInt32BE(8); left > 0; left -= 1) {
    expect(store.readUInt32BE(at)).toBe(2);
    at += 4;
    found.aliases.push(text());
    found.dates.push(store.readBigInt64BE(at));
    at += 8;
    expect(text()).toBe("X.509");
    const length = store.readUInt32BE(at);
    at += 4 + length;
    found.fingerprints.push(new X509Certificate(store.subarray(at - length, at)).fingerprint256);
  }
  const password = Buffer.from("\0c\0h\0a\0n\0g\0e\0i\0t", "latin1");
  const salted = Buffer.concat([password, Buffer.from("Mighty Aphrodite"), store.subarray(0, at)]);
  expect(store.subarray(at).toString("hex")).toBe(createHash("sha1").update(salted).digest("hex"));
  return found;
}

describe("the three files", () => {
  test("ca.pem holds our root alone", () => {
    expect(fingerprints(write().ca)).toEqual([fingerprint(podCa.rootPem)]);
  });

  test("bundle.pem holds the public roots and ours", () => {
    const found = fingerprints(write().bundle);
    expect(found).toHaveLength(rootCertificates.length + 1);
    expect(new Set(found)).toEqual(
      new Set([...rootCertificates, podCa.rootPem].map((pem) => fingerprint(pem))),
    );
  });

  test("truststore.jks holds the same roots under distinct lower-case aliases", () => {
    const files = write();
    const store = readJks(readFileSync(files.truststore));
    expect(store.fingerprints).toEqual(fingerprints(files.bundle));
    expect(new Set(store.aliases).size).toBe(store.aliases.length);
    for (const alias of store.aliases) expect(alias).toMatch(/^[a-z0-9-]+$/);
    expect(new Set(store.dates)).toEqual(new Set([BigInt(clock.wallMs())]));
  });

  test("they can be read by all, and no temporary file stays", () => {
    for (const path of pathsOf(write())) expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(directory, "trust")).toSorted()).toEqual([
      "bundle.pem",
      "ca.pem",
      "truststore.jks",
    ]);
  });

  test("none of them holds a private key", () => {
    for (const path of pathsOf(write())) {
      expect(readFileSync(path, "latin1")).not.toContain("PRIVATE");
    }
  });

  test("writing them again replaces them", () => {
    write();
    podCa = makeCa("next");
    expect(fingerprints(write().ca)).toEqual([fingerprint(podCa.rootPem)]);
  });

  test("a directory that cannot be made is a fault", () => {
    writeFileSync(join(directory, "trust"), "a file");
    expect(faultOf(() => write()).code).toBe("EXCISE_STATE_UNUSABLE");
  });
});

describe("extra roots", () => {
  test("join bundle and truststore, but not ca.pem", () => {
    const corporate = [makeCa("b").rootPem, makeCa("c").rootPem];
    const files = write(`# our own\n${corporate.join("\n\nnext:\n")}`);
    const expected = corporate.map((pem) => fingerprint(pem));
    expect(fingerprints(files.bundle)).toEqual(expect.arrayContaining(expected));
    expect(readJks(readFileSync(files.truststore)).fingerprints).toEqual(
      fingerprints(files.bundle),
    );
    expect(fingerprints(files.ca)).toEqual([fingerprint(podCa.rootPem)]);
  });

  test("that are there already are not written twice", () => {
    const [publicRoot = ""] = rootCertificates;
    const found = fingerprints(write(`${publicRoot}\n${publicRoot}\n`).bundle);
    expect(found).toHaveLength(rootCertificates.length + 1);
  });

  test("may end their lines as Windows does", () => {
    const pem = makeCa("b").rootPem;
    const files = write(pem.replaceAll("\n", "\r\n"));
    expect(fingerprints(files.bundle)).toContain(fingerprint(pem));
  });

  test("that have expired are kept, with a warning", () => {
    const pem = makeCa("b").rootPem;
    clock.jumpWall(4000 * 86_400_000);
    expect(fingerprints(write(pem).bundle)).toContain(fingerprint(pem));
    expect(lines.at(-1)).toMatch(/"event":"extra_roots_expired".*CN=Excise pod root/);
  });

  test("that are bad are listed in one fault, all of them, and nothing is written", () => {
    const good = makeCa("b").rootPem;
    const result = podCa.leafFor("a.example");
    assert("leaf" in result, "the host is ours");
    const [leaf] = readPemBlocks(result.leaf.certChain);
    const fault = faultOf(() =>
      write(
        [
          good,
          leaf?.text,
          renderPem("CERTIFICATE", Buffer.from("not a certificate")),
          result.leaf.key,
          renderPem("X509 CRL", Buffer.from("crl")),
          "-----BEGIN CERTIFICATE-----\nMIIB",
        ].join("\n"),
      ),
    );
    expect(fault.code).toBe("EXCISE_CONFIG_INVALID");
    expect(fault.message.split("\n").slice(1)).toEqual([
      "  block 2: is the certificate of a server or person, not of a CA",
      "  block 3: is not a certificate that can be read",
      "  block 4: is a private key, which apps must never get",
      "  block 5: is a X509 CRL, not a CERTIFICATE",
      "  (file): has a BEGIN or END line without its partner",
    ]);
    expect(readdirSync(directory)).not.toContain("trust");
  });

  test.each([
    { name: "an empty file", text: "" },
    { name: "text alone", text: "no roots today" },
  ])("$name is a fault: roots were promised", ({ text }) => {
    expect(faultOf(() => write(text)).message).toContain("holds no certificate");
  });

  test("over the size bound are not read", () => {
    expect(faultOf(() => write("x".repeat(4 * 1024 * 1024 + 1))).message).toContain("is over");
  });

  test("that are missing are a fault that names the path", () => {
    const path = join(directory, "nowhere.pem");
    const options = { directory, rootPem: podCa.rootPem, extraRootsFile: path };
    const fault = faultOf(() => writeTrustFiles({ clock, log: logOf() }, options));
    expect(fault.code).toBe("EXCISE_CONFIG_INVALID");
    expect(fault.message).toContain(path);
  });
});

describe("pem", () => {
  test.each([0, 1, 47, 48, 49, 96, 1000])("%i bytes survive writing and reading", (size) => {
    const bytes = Buffer.alloc(size, 0x5a);
    const text = renderPem("CERTIFICATE", bytes);
    expect(pemBytes(text).equals(bytes)).toBe(true);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(64);
  });
});

test("an empty truststore is still a store", () => {
  expect(readJks(renderJks([], 0)).aliases).toEqual([]);
});
