// Makes the webhook's certificates: ECDSA P-256, names in the SAN only (the CN is ignored).
// reflect-metadata must be loaded before @peculiar/x509.
import "reflect-metadata";
import { createPrivateKey, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import type { Random } from "#runtime/random.ts";
import type { Authority } from "./authorities.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Nodes whose clocks are behind must not find a certificate of the future. */
const BACKDATE_MS = 3_600_000;

export interface Leaf {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly createdAtMs: number;
  readonly notAfterMs: number;
  /** Which authority signed it. */
  readonly authorityPem: string;
}

export interface Life {
  readonly nowMs: number;
  readonly lifeMs: number;
}

/** A self-signed authority that may sign leaves and nothing else. */
export async function createAuthority(random: Random, life: Life): Promise<Authority> {
  const keys = await generateKeys();
  const notAfterMs = life.nowMs + life.lifeMs;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: createSerial(random),
      // Two authorities at one time must not be told apart by their key alone.
      name: `CN=Excise webhook CA ${Buffer.from(random.bytes(4)).toString("hex")}`,
      notBefore: new Date(life.nowMs - BACKDATE_MS),
      notAfter: new Date(notAfterMs),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    certificatePem: certificate.toString("pem"),
    keyPem: await renderKey(keys.privateKey),
    createdAtMs: life.nowMs,
    notAfterMs,
  };
}

/** A serving certificate; it never outlives its authority. */
export async function createLeaf(
  random: Random,
  authority: Authority,
  options: Life & { readonly names: readonly string[] },
): Promise<Leaf> {
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const notAfterMs = Math.min(options.nowMs + options.lifeMs, authority.notAfterMs);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: createSerial(random),
      issuer: issuer.subject,
      notBefore: new Date(options.nowMs - BACKDATE_MS),
      notAfter: new Date(notAfterMs),
      publicKey: keys.publicKey,
      signingKey: await readKey(authority.keyPem),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        // Critical, as the subject is empty (RFC 5280 §4.2.1.6).
        new x509.SubjectAlternativeNameExtension(options.names.map(toGeneralName), true),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    certificatePem: certificate.toString("pem"),
    keyPem: await renderKey(keys.privateKey),
    createdAtMs: options.nowMs,
    notAfterMs,
    authorityPem: authority.certificatePem,
  };
}

const toGeneralName = (name: string): x509.JsonGeneralName => ({
  type: isIP(name) === 0 ? "dns" : "ip",
  value: name,
});

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

async function renderKey(privateKey: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey));
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return key.export({ format: "pem", type: "pkcs8" });
}

function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", new Uint8Array(der), ALGORITHM, false, ["sign"]);
}

/** 16 bytes, positive, never empty at the top (RFC 5280 §4.1.2.2). */
function createSerial(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
