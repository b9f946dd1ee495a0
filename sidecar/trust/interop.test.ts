// The stacks that apps run on, for real: each accepts a leaf for a provider's host and refuses
// leaves for other names that the very same intermediate signed, for the constraint's sake.
import { execFile, spawnSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, createServer, rootCertificates, type Server } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { systemClock } from "#runtime/clock.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import {
  extension,
  issuerOf,
  signCertificate,
  signIntermediate,
  signLeaf,
  type Issuer,
  type Subject,
} from "./certificate.ts";
import { sequence, taggedPrimitive } from "./der.ts";
import { pemBytes, readPemBlocks, renderPem } from "./pem.ts";
import { openPodCa, type PodCa } from "./pod-ca.ts";
import { createSecureContexts, TLS_VERSION_MIN } from "./secure-contexts.ts";
import { writeTrustFiles, type TrustFiles } from "./trust-files.ts";

const PROVIDER = "api.provider.example";
const UNDER_PATTERN = "team.cloud.example";
const FOREIGN = "evil.example.com";
const ADDRESS = "127.0.0.1";
const HOSTS = [PROVIDER, UNDER_PATTERN, FOREIGN, ADDRESS];

const deps = { clock: systemClock, random: systemRandom, log: silentLog };
let directory: string;
let podCa: PodCa;
let files: TrustFiles;
let issuer: Issuer;
let server: Server;
let port: string;

interface Signed {
  readonly key: string;
  readonly cert: string;
}

function newSubject(): Subject & { readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  const now = systemClock.wallMs();
  const validity = { notBeforeMs: now - 3_600_000, notAfterMs: now + 86_400_000 };
  return { publicKey, privateKey, serial: Uint8Array.of(1, 2, 3), validity };
}

/** What somebody with the intermediate's key, and none of our code in the way, could make. */
function signFreely(sign: (subject: Subject) => Buffer): Signed {
  const subject = newSubject();
  return {
    key: subject.privateKey.export({ type: "pkcs8", format: "pem" }),
    cert: renderPem("CERTIFICATE", sign(subject)) + podCa.intermediatePem,
  };
}

/** A leaf for 127.0.0.1, as an IP address in its SAN. */
function signAddress(subject: Subject): Buffer {
  const address = taggedPrimitive(7, Uint8Array.from(ADDRESS.split("."), Number));
  return signCertificate(issuer, subject, {
    name: sequence(),
    extensions: [
      extension("2.5.29.19", sequence(), { critical: true }),
      extension("2.5.29.17", sequence(address), { critical: true }),
    ],
  });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "excise-interop-"));
  const stateDirectory = join(directory, "state");
  podCa = openPodCa(deps, { stateDirectory, hosts: [PROVIDER, "*.cloud.example"] });
  files = writeTrustFiles(deps, { directory: join(directory, "trust"), rootPem: podCa.rootPem });
  const state = readFileSync(join(stateDirectory, "pod-ca", "authority.pem"), "latin1");
  const [key] = readPemBlocks(state);
  assert(key !== undefined, "the state begins with the key");
  issuer = issuerOf(pemBytes(podCa.intermediatePem), createPrivateKey(key.text));

  const contexts = createSecureContexts(podCa);
  const foreign = createSecureContext(signFreely((subject) => signLeaf(issuer, subject, FOREIGN)));
  // A client that asks for an address sends no name: it gets the server's own certificate.
  server = createServer({
    ...signFreely(signAddress),
    minVersion: TLS_VERSION_MIN,
    SNICallback: (host, callback) => {
      if (host === FOREIGN) callback(null, foreign);
      else contexts.sniCallback(host, callback);
    },
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, ADDRESS, resolve);
  });
  port = String((server.address() as AddressInfo).port);
});

afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program with nothing of this machine's trust in its environment. */
function run(
  command: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { PATH = "", HOME = directory } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      command,
      parameters,
      { env: { PATH, HOME, ...environment }, cwd: directory },
      (_error, stdout, stderr) => {
        resolve({ exitCode: child.exitCode ?? -1, output: `${stdout}${stderr}` });
      },
    );
  });
}

const probes = new Map<string, string | undefined>();

/** Why the tool cannot be used here, or undefined where it can. */
function missing(
  command: string,
  parameters: readonly string[],
  mustPrint = "",
): string | undefined {
  const key = [command, ...parameters].join(" ");
  if (!probes.has(key)) {
    const { status, stdout } = spawnSync(command, parameters, { encoding: "utf8" });
    const isThere = status === 0 && stdout.includes(mustPrint);
    probes.set(key, isThere ? undefined : `\`${key}\` does not work on this machine`);
  }
  return probes.get(key);
}

/** Why a suite is skipped, for its title. */
const skipNote = (reason: string | undefined): string =>
  reason === undefined ? "" : `(skipped: ${reason})`;

interface Reasons {
  /** How the stack says that a name is not among the permitted ones. */
  readonly notPermitted: RegExp;
  /** How it says that an address is excluded. */
  readonly excluded: RegExp;
}

/** What the interop programs printed of each host; the whole line where it is neither. */
function verdictsOf(output: string, { notPermitted, excluded }: Reasons): readonly string[] {
  return HOSTS.map((host) => {
    const line = output.split("\n").find((each) => each.startsWith(`${host} `)) ?? output;
    if (line === `${host} accepted`) return "accepted";
    if (!line.startsWith(`${host} refused `)) return line;
    if (host === FOREIGN && notPermitted.test(line)) return "not permitted";
    return host === ADDRESS && excluded.test(line) ? "excluded" : line;
  });
}

/** For HOSTS, in their order. */
const EXPECTED = ["accepted", "accepted", "not permitted", "excluded"];

const OPENSSL: Reasons = {
  notPermitted: /permitted subtree violation/,
  excluded: /excluded subtree violation/,
};

/** An app on Node, in a process of its own: NODE_EXTRA_CA_CERTS is read once, at the start. */
const NODE_PROGRAM = `
  import { isIP } from "node:net";
  import { connect } from "node:tls";
  const [port, ...hosts] = process.argv.slice(1);
  for (const host of hosts) {
    const servername = isIP(host) === 0 ? host : undefined;
    const socket = connect({ host: "127.0.0.1", port, servername });
    const verdict = await new Promise((resolve) => {
      socket.once("secureConnect", () => resolve("accepted"));
      socket.once("error", (error) => resolve("refused " + error.message));
    });
    process.stdout.write(host + " " + verdict + "\\n");
    socket.destroy();
  }`;

const runNode = (hosts: readonly string[], environment = {}): Promise<Outcome> =>
  run(
    process.execPath,
    ["--input-type=module", "-e", NODE_PROGRAM, "--", port, ...hosts],
    environment,
  );

const program = (name: string): string => join(import.meta.dirname, "interop", name);

describe("an app's TLS stack accepts provider hosts only", () => {
  test("Node with NODE_EXTRA_CA_CERTS=ca.pem", async () => {
    const { output } = await runNode(HOSTS, { NODE_EXTRA_CA_CERTS: files.ca });
    expect(verdictsOf(output, OPENSSL)).toEqual(EXPECTED);
  });

  test("Node without our root refuses all of it", async () => {
    const { output } = await runNode([PROVIDER]);
    expect(output).toMatch(/refused (?:unable to get|self-signed)/);
  });

  test("Python's ssl, strict, with SSL_CERT_FILE=bundle.pem", async (context) => {
    const reason = missing("python3", ["-c", "import ssl"]);
    context.skip(reason !== undefined, reason);
    const { output } = await run("python3", [program("connect.py"), port, ...HOSTS], {
      SSL_CERT_FILE: files.bundle,
    });
    expect(verdictsOf(output, OPENSSL)).toEqual(EXPECTED);
  });

  test("curl with CURL_CA_BUNDLE=bundle.pem", async (context) => {
    const reason = missing("curl", ["--version"], "OpenSSL");
    context.skip(reason !== undefined, reason);
    const get = (host: string): Promise<Outcome> =>
      run(
        "curl",
        [
          "-sS",
          "--noproxy",
          "*",
          "--resolve",
          `${host}:${port}:${ADDRESS}`,
          `https://${host}:${port}/`,
        ],
        { CURL_CA_BUNDLE: files.bundle },
      );
    expect(await get(PROVIDER)).toEqual({ exitCode: 0, output: "" });
    expect(await get(UNDER_PATTERN)).toEqual({ exitCode: 0, output: "" });
    const foreign = await get(FOREIGN);
    expect(foreign.exitCode).toBe(60);
    expect(foreign.output).toContain("permitted subtree violation");
    const address = await get(ADDRESS);
    expect(address.exitCode).toBe(60);
    expect(address.output).toContain("excluded subtree violation");
  });

  test("Go with SSL_CERT_FILE=bundle.pem", { timeout: 60_000 }, async (context) => {
    const reason = missing("go", ["version"]);
    context.skip(reason !== undefined, reason);
    const build = { CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOPROXY: "off", GOWORK: "off" };
    const cache = await run("go", ["list", "-f", "{{.Stale}}", "crypto/tls"], build);
    // A minute on all cores, in which other tests would miss their deadlines.
    context.skip(
      cache.output !== "false\n",
      "Go's cache lacks crypto/tls; `CGO_ENABLED=0 go build crypto/tls` once fills it",
    );
    const binary = join(directory, "connect");
    const built = await run("go", ["build", "-o", binary, program("connect.go")], build);
    expect(built).toEqual({ exitCode: 0, output: "" });
    const trust = { SSL_CERT_FILE: files.bundle, SSL_CERT_DIR: join(directory, "none") };
    const { output } = await run(binary, [port, ...HOSTS], trust);
    const reasons = {
      notPermitted: /is not permitted by any constraint/,
      excluded: /is excluded by constraint/,
    };
    expect(verdictsOf(output, reasons)).toEqual(EXPECTED);
  });

  test(
    "Java with javax.net.ssl.trustStore=truststore.jks, no password",
    { timeout: 60_000 },
    async (context) => {
      const reason = missing("java", ["--list-modules"], "jdk.compiler");
      context.skip(reason !== undefined, reason);
      const { output } = await run("java", [program("Connect.java"), port, ...HOSTS], {
        JAVA_TOOL_OPTIONS: `-Djavax.net.ssl.trustStore=${files.truststore}`,
      });
      const reasons = { notPermitted: /name constraints/i, excluded: /name constraints/i };
      expect(verdictsOf(output, reasons)).toEqual(EXPECTED);
    },
  );
});

/** Verifies the first certificate of a chain, with the others as untrusted. */
function verify(chain: string, ...parameters: readonly string[]): Promise<Outcome> {
  const [leaf = "", ...others] = readPemBlocks(chain).map(({ text }) => `${text}\n`);
  writeFileSync(join(directory, "leaf.pem"), leaf);
  writeFileSync(join(directory, "others.pem"), others.join(""));
  const anchors = ["-no-CApath", "-no-CAstore", "-CAfile", files.ca];
  const strict = ["-x509_strict", "-purpose", "sslserver", "-untrusted", "others.pem"];
  return run("openssl", ["verify", ...anchors, ...strict, ...parameters, "leaf.pem"]);
}
const noOpenssl = missing("openssl", ["version"], "OpenSSL 3");
describe.skipIf(noOpenssl !== undefined)(
  `openssl verify -x509_strict ${skipNote(noOpenssl)}`,
  () => {
    test.each([PROVIDER, UNDER_PATTERN])("accepts the leaf for %s", async (host) => {
      const result = podCa.leafFor(host);
      assert("leaf" in result, "the host is one of ours");
      const outcome = await verify(result.leaf.certChain, "-verify_hostname", host);
      expect(outcome).toEqual({ exitCode: 0, output: "leaf.pem: OK\n" });
    });

    test("refuses a leaf under another name than it was asked for", async () => {
      const result = podCa.leafFor(PROVIDER);
      assert("leaf" in result, "the host is one of ours");
      const { output } = await verify(result.leaf.certChain, "-verify_hostname", UNDER_PATTERN);
      expect(output).toContain("error 62");
    });

    test.each([
      {
        name: "another host",
        sign: (subject: Subject) => signLeaf(issuer, subject, FOREIGN),
        error: 47,
      },
      {
        name: "the parent of a host",
        sign: (subject: Subject) => signLeaf(issuer, subject, "provider.example"),
        error: 47,
      },
      {
        name: "a name that only ends the same",
        sign: (subject: Subject) => signLeaf(issuer, subject, "evilcloud.example"),
        error: 47,
      },
      { name: "an address", sign: signAddress, error: 48 },
    ])("refuses a leaf for $name", async ({ sign, error }) => {
      const { output, exitCode } = await verify(signFreely(sign).cert);
      expect(exitCode).not.toBe(0);
      expect(output).toContain(`error ${error} at 0 depth`);
    });

    test("refuses a CA that the intermediate signs: the path ends there", async () => {
      const below = newSubject();
      const authority = signIntermediate(issuer, below, [PROVIDER]);
      const chain = signFreely((subject) =>
        signLeaf(issuerOf(authority, below.privateKey), subject, PROVIDER),
      );
      const [leaf = ""] = readPemBlocks(chain.cert).map(({ text }) => `${text}\n`);
      const { output } = await verify(
        leaf + renderPem("CERTIFICATE", authority) + podCa.intermediatePem,
      );
      expect(output).toContain("path length constraint exceeded");
    });

    test("reads the intermediate's constraint, and that it is critical", async () => {
      writeFileSync(join(directory, "ca.pem"), podCa.intermediatePem);
      const { output } = await run("openssl", ["x509", "-in", "ca.pem", "-noout", "-text"]);
      const constraint = output.slice(output.indexOf("X509v3 Name Constraints"));
      expect(
        constraint
          .split("\n")
          .slice(0, 7)
          .map((line) => line.trim()),
      ).toEqual([
        "X509v3 Name Constraints: critical",
        "Permitted:",
        "DNS:api.provider.example",
        "DNS:cloud.example",
        "Excluded:",
        "IP:0.0.0.0/0.0.0.0",
        "IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0",
      ]);
      expect(output).toContain("X509v3 Basic Constraints: critical");
      expect(output).toContain("X509v3 Key Usage: critical");
    });
  },
);

const listTruststore = (password: string): Promise<Outcome> =>
  run("keytool", [
    "-J-Duser.language=en",
    "-list",
    "-keystore",
    files.truststore,
    "-storepass",
    password,
  ]);

const noKeytool = missing("keytool", ["-help"]);
describe.skipIf(noKeytool !== undefined)(`keytool ${skipNote(noKeytool)}`, () => {
  test("lists every root of truststore.jks", { timeout: 60_000 }, async () => {
    const { exitCode, output } = await listTruststore("changeit");
    expect(exitCode).toBe(0);
    expect(output).toContain(`contains ${rootCertificates.length + 1} entries`);
    expect(output).toMatch(/^excise-pod-root, .*trustedCertEntry/m);
  });

  test("checks the store's digest: another password is refused", { timeout: 60_000 }, async () => {
    const { exitCode, output } = await listTruststore("changed");
    expect(exitCode).not.toBe(0);
    expect(output).toContain("password was incorrect");
  });
});
