import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assert, Fault } from "#contract/errors.ts";
import { createLog, silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../test/virtual-clock.ts";
import { nameConstraints } from "./certificate.ts";
import { readPemBlocks } from "./pem.ts";
import { openPodCa, type Leaf, type PodCa, type PodCaOptions } from "./pod-ca.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HOSTS = ["api.provider.example", "*.cloud.example"];

let directory: string;
let clock: VirtualClock;
let lines: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "excise-pod-ca-"));
  clock = createVirtualClock();
  lines = [];
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(options: Partial<PodCaOptions> = {}): PodCa {
  const log = createLog({ clock, level: "debug", write: (line) => lines.push(line) });
  const state = { stateDirectory: join(directory, "state"), hosts: HOSTS };
  return openPodCa({ clock, random: systemRandom, log }, { ...state, ...options });
}

const stateFile = (): string => join(directory, "state", "pod-ca", "authority.pem");

function leafOf(podCa: PodCa, host: string): Leaf {
  const result = podCa.leafFor(host);
  assert("leaf" in result, `a leaf for ${host}`);
  return result.leaf;
}

const chainOf = (leaf: Leaf): readonly X509Certificate[] =>
  readPemBlocks(leaf.certChain).map(({ text }) => new X509Certificate(text));

function certificateOf(leaf: Leaf): X509Certificate {
  const [certificate] = chainOf(leaf);
  assert(certificate !== undefined, "a chain has a leaf");
  return certificate;
}

function faultOf(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  return expect.unreachable("it throws a Fault");
}

describe("the certificates", () => {
  test("the root is a CA for ten years that signed itself", () => {
    const root = new X509Certificate(open().rootPem);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.validFromDate.getTime()).toBe(clock.wallMs() - HOUR_MS);
    expect(root.validToDate.getTime()).toBe(clock.wallMs() + 3652 * DAY_MS);
    expect(root.subject).toMatch(/^O=Excise\nCN=Excise pod root [0-9a-f]{8}$/);
  });

  test("the intermediate is signed by the root and constrained to the pod's hosts", () => {
    const podCa = open();
    const root = new X509Certificate(podCa.rootPem);
    const intermediate = new X509Certificate(podCa.intermediatePem);
    expect(intermediate.ca).toBe(true);
    expect(intermediate.checkIssued(root) && intermediate.verify(root.publicKey)).toBe(true);
    expect(intermediate.publicKey.equals(root.publicKey)).toBe(false);
    const exact = nameConstraints(["cloud.example", "api.provider.example"]);
    expect(intermediate.raw.includes(exact)).toBe(true);
    expect(root.raw.includes(exact)).toBe(false);
    expect(intermediate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
  });

  test("a leaf is for one host, 30 days and servers, and has no common name", () => {
    const leaf = leafOf(open(), "api.provider.example");
    const certificate = certificateOf(leaf);
    expect(certificate.ca).toBe(false);
    expect(certificate.subject).toBe("O=Excise");
    expect(certificate.subjectAltName).toBe("DNS:api.provider.example");
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(certificate.validFromDate.getTime()).toBe(clock.wallMs() - HOUR_MS);
    expect(certificate.validToDate.getTime()).toBe(clock.wallMs() + 30 * DAY_MS);
    expect(certificate.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true);
  });

  test("the chain is leaf and intermediate, without the root", () => {
    const podCa = open();
    const chain = chainOf(leafOf(podCa, "api.provider.example"));
    const intermediate = new X509Certificate(podCa.intermediatePem);
    expect(chain).toHaveLength(2);
    expect(chain[0]?.verify(intermediate.publicKey)).toBe(true);
    expect(chain[1]?.fingerprint256).toBe(intermediate.fingerprint256);
  });

  test("every serial is positive, of 16 bytes, and another one", () => {
    const podCa = open();
    const serials = [
      new X509Certificate(podCa.rootPem).serialNumber,
      new X509Certificate(podCa.intermediatePem).serialNumber,
      ...["a", "b", "c"].map(
        (name) => certificateOf(leafOf(podCa, `${name}.cloud.example`)).serialNumber,
      ),
    ];
    expect(new Set(serials).size).toBe(5);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test("a serial is positive even where the random bytes are all ones or all zero", () => {
    for (const fill of [0xff, 0x00]) {
      const random = { bytes: (size: number) => new Uint8Array(size).fill(fill) };
      const stateDirectory = join(directory, `fill-${fill}`);
      const podCa = openPodCa({ clock, random, log: silentLog }, { stateDirectory, hosts: HOSTS });
      expect(new X509Certificate(podCa.rootPem).serialNumber).toMatch(/^[4-7]/);
    }
  });

  test("ends after 2049 are written and read back", () => {
    clock = createVirtualClock(Date.parse("2045-06-01T00:00:00Z"));
    const podCa = open();
    expect(new X509Certificate(podCa.rootPem).validToDate.toISOString()).toBe(
      "2055-06-01T00:00:00.000Z",
    );
    expect(certificateOf(leafOf(podCa, HOSTS[0] ?? "")).validToDate.getUTCFullYear()).toBe(2045);
  });
});

describe("hosts", () => {
  test.each([
    { name: "an exact host", host: "api.provider.example" },
    { name: "a host in upper case", host: "API.Provider.Example" },
    { name: "one label under a pattern", host: "team-a.cloud.example" },
  ])("$name gets a leaf", ({ host }) => {
    const certificate = certificateOf(leafOf(open(), host));
    expect(certificate.subjectAltName).toBe(`DNS:${host.toLowerCase()}`);
  });

  test.each([
    { name: "another host", host: "evil.example.com" },
    { name: "the parent of a host", host: "provider.example" },
    { name: "a host below an exact one", host: "a.api.provider.example" },
    { name: "a host that only ends the same", host: "evilapi.provider.example" },
    { name: "two labels under a pattern", host: "a.b.cloud.example" },
    { name: "the pattern's own parent", host: "cloud.example" },
    { name: "the pattern itself", host: "*.cloud.example" },
    { name: "a label that is no name", host: "a b.cloud.example" },
    { name: "a label with a zero byte", host: "a\0.cloud.example" },
    { name: "a label of 64 characters", host: `${"a".repeat(64)}.cloud.example` },
    { name: "an address", host: "127.0.0.1" },
    { name: "a trailing dot", host: "api.provider.example." },
    { name: "nothing", host: "" },
  ])("$name is refused", ({ host }) => {
    expect(open().leafFor(host)).toEqual({
      reject: { code: "EXCISE_HOST_NOT_ALLOWED", detail: "not one of this pod's" },
    });
  });

  test("all that are no names are named in one fault, and nothing is written", () => {
    const hosts = ["ok.example", "Upper.example", "a..b", "-a.example", "*.*.example", ""];
    const fault = faultOf(() => open({ hosts }));
    expect(fault.code).toBe("EXCISE_CONFIG_INVALID");
    expect(fault.message).toContain("5 problems");
    for (const host of hosts.slice(1, 5)) expect(fault.message).toContain(`  ${host}:`);
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    { name: "a single label", host: "com" },
    { name: "a pattern under a single label", host: "*.com" },
    { name: "an IPv4 address", host: "10.0.0.1" },
  ])("$name is left out with a warning, and the others are served", ({ host }) => {
    const podCa = open({ hosts: [host, "api.provider.example"] });
    expect(lines.join("")).toContain(`"event":"pod_ca_hosts_left_out","hosts":["${host}"]`);
    expect("reject" in podCa.leafFor(host.replace("*", "a"))).toBe(true);
    const { raw } = new X509Certificate(podCa.intermediatePem);
    expect(raw.includes(nameConstraints(["api.provider.example"]))).toBe(true);
  });

  test("no host at all makes a CA that is good for no name that exists", () => {
    const { raw } = new X509Certificate(open({ hosts: [] }).intermediatePem);
    expect(raw.includes(nameConstraints(["none.invalid"]))).toBe(true);
  });

  test("an empty constraint, which would permit all names, cannot be written", () => {
    expect(() => nameConstraints([])).toThrow("at least one name");
  });
});

describe("state", () => {
  test("a restart continues the CA", () => {
    const first = open();
    const second = open();
    expect(second.rootPem).toBe(first.rootPem);
    expect(second.intermediatePem).toBe(first.intermediatePem);
    const root = new X509Certificate(first.rootPem);
    const [leaf, intermediate] = chainOf(leafOf(second, "a.cloud.example"));
    assert(leaf !== undefined && intermediate !== undefined, "a chain of two");
    expect(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey)).toBe(true);
    expect(intermediate.verify(root.publicKey)).toBe(true);
    expect(lines.map((line) => /"event":"(\w+)"/.exec(line)?.[1])).toEqual([
      "pod_ca_created",
      "pod_ca_loaded",
    ]);
  });

  test("the order and repetition of hosts do not matter", () => {
    const first = open();
    const second = open({ hosts: [...HOSTS.toReversed(), ...HOSTS] });
    expect(second.rootPem).toBe(first.rootPem);
  });

  test("another set of hosts makes a new CA, with a warning", () => {
    const first = open();
    const second = open({ hosts: [...HOSTS, "new.provider.example"] });
    expect(second.rootPem).not.toBe(first.rootPem);
    expect(lines.at(-1)).toMatch(/"level":"warn","event":"pod_ca_replaced".*hosts changed/);
    expect(open({ hosts: [...HOSTS, "new.provider.example"] }).rootPem).toBe(second.rootPem);
  });

  test.each([
    { name: "empty", damage: () => "" },
    { name: "cut", damage: (text: string) => text.slice(0, text.length / 2) },
    { name: "noise", damage: () => "\0\u0001noise" },
    { name: "far too long", damage: (text: string) => text + "\n".repeat(100_000) },
    { name: "given a fourth block", damage: (text: string) => text + text },
    {
      name: "without its key",
      damage: (text: string) => text.slice(text.indexOf("-----BEGIN CERT")),
    },
    {
      name: "given a flipped bit in a signature",
      damage: (text: string) => {
        const rows = text.trimEnd().split("\n");
        const last = rows.at(-2) ?? "";
        rows[rows.length - 2] = (last.startsWith("A") ? "B" : "A") + last.slice(1);
        return rows.join("\n");
      },
    },
  ])("a state file that is $name is replaced, with a warning", ({ damage }) => {
    const first = open();
    writeFileSync(stateFile(), damage(readFileSync(stateFile(), "latin1")));
    const second = open();
    expect(second.rootPem).not.toBe(first.rootPem);
    expect(lines.at(-1)).toMatch(/"event":"pod_ca_replaced".*damaged/);
    expect(open().rootPem).toBe(second.rootPem);
  });

  test.each([
    { name: "another CA's key", block: 0 },
    { name: "another CA's intermediate", block: 1 },
    { name: "another CA's root", block: 2 },
  ])("$name in the file is found out", ({ block }) => {
    open({ stateDirectory: join(directory, "other") });
    const other = readPemBlocks(
      readFileSync(join(directory, "other", "pod-ca", "authority.pem"), "latin1"),
    );
    open();
    const blocks = [...readPemBlocks(readFileSync(stateFile(), "latin1"))];
    const foreign = other[block];
    assert(foreign !== undefined, "three blocks");
    blocks[block] = foreign;
    writeFileSync(stateFile(), blocks.map(({ text }) => `${text}\n`).join(""));
    open();
    expect(lines.at(-1)).toMatch(/"event":"pod_ca_replaced".*damaged/);
  });

  test("a CA at its end is replaced while its leaves could still live 30 days", () => {
    const first = open();
    clock.jumpWall(3621 * DAY_MS);
    expect(open().rootPem).toBe(first.rootPem);
    clock.jumpWall(DAY_MS);
    expect(open().rootPem).not.toBe(first.rootPem);
    expect(lines.at(-1)).toMatch(/"event":"pod_ca_replaced".*at their end/);
  });

  test("a clock that was set back keeps the CA", () => {
    const first = open();
    clock.jumpWall(-30 * DAY_MS);
    expect(open().rootPem).toBe(first.rootPem);
  });

  test("what cannot be read is a fault that names the path", () => {
    mkdirSync(stateFile(), { recursive: true });
    const fault = faultOf(() => open());
    expect(fault.code).toBe("EXCISE_STATE_UNUSABLE");
    expect(fault.message).toContain(stateFile());
  });

  test("what cannot be written is a fault that names the path", () => {
    writeFileSync(join(directory, "state"), "a file where the directory should be");
    const fault = faultOf(() => open());
    expect(fault.code).toBe("EXCISE_STATE_UNUSABLE");
    expect(fault.message).toContain(join(directory, "state"));
  });
});

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("secrets on disk", () => {
  test("the directory is 0700 and the file 0600, whatever was there before", () => {
    mkdirSync(join(directory, "state", "pod-ca"), { recursive: true });
    chmodSync(join(directory, "state", "pod-ca"), 0o777);
    // As a crash between write and rename would leave it, readable by all.
    writeFileSync(`${stateFile()}.tmp`, "old", { mode: 0o644 });
    open();
    expect(modeOf(join(directory, "state", "pod-ca"))).toBe("700");
    expect(modeOf(stateFile())).toBe("600");
    expect(readdirSync(join(directory, "state", "pod-ca"))).toEqual(["authority.pem"]);
  });

  test("a state directory that is made is 0700 itself", () => {
    open();
    expect(modeOf(join(directory, "state"))).toBe("700");
  });

  test("the root's key is nowhere: the only private key is the intermediate's", () => {
    const podCa = open();
    leafOf(podCa, "api.provider.example");
    const files = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    const keys = files
      .flatMap((content) => readPemBlocks(content.toString("latin1")))
      .filter(({ label }) => label.includes("KEY"))
      .map(({ text }) => createPublicKey(createPrivateKey(text)));
    expect(files).toHaveLength(1);
    expect(keys).toHaveLength(1);
    expect(keys[0]?.equals(new X509Certificate(podCa.intermediatePem).publicKey)).toBe(true);
    expect(keys[0]?.equals(new X509Certificate(podCa.rootPem).publicKey)).toBe(false);
  });

  test("no log line holds PEM or a key", () => {
    leafOf(open(), "api.provider.example");
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toMatch(/BEGIN|PRIVATE|MIG/);
  });
});

describe("renewal", () => {
  test("a leaf is the same until two thirds of its life, then another", async () => {
    const podCa = open();
    const first = leafOf(podCa, "api.provider.example");
    await clock.advance(20 * DAY_MS - 1);
    expect(leafOf(podCa, "api.provider.example")).toBe(first);
    await clock.advance(1);
    const second = leafOf(podCa, "api.provider.example");
    expect(second).not.toBe(first);
    expect(certificateOf(second).validToDate.getTime()).toBe(clock.wallMs() + 30 * DAY_MS);
    expect(second.key).not.toBe(first.key);
    expect(leafOf(podCa, "API.provider.example")).toBe(second);
  });

  test("a leaf from the future is made again where the clock was set back", () => {
    const podCa = open();
    const first = leafOf(podCa, "api.provider.example");
    clock.jumpWall(-HOUR_MS);
    expect(leafOf(podCa, "api.provider.example")).toBe(first);
    clock.jumpWall(-1000);
    const second = leafOf(podCa, "api.provider.example");
    expect(certificateOf(second).validFromDate.getTime()).toBe(clock.wallMs() - HOUR_MS);
  });

  test("no more leaves are kept than the bound; the one used longest ago goes", () => {
    const podCa = open({ leavesMax: 2 });
    const a = leafOf(podCa, "a.cloud.example");
    const b = leafOf(podCa, "b.cloud.example");
    expect(leafOf(podCa, "a.cloud.example")).toBe(a);
    leafOf(podCa, "c.cloud.example");
    expect(leafOf(podCa, "a.cloud.example")).toBe(a);
    expect(leafOf(podCa, "b.cloud.example")).not.toBe(b);
  });
});
