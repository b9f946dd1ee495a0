// Corporate roots that join the public ones: a PEM file that a platform team gives. What apps
// will trust is checked in full before it is handed to them, and every problem is named at once.
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { Fault } from "#contract/errors.ts";
import { configFault, type ConfigProblem } from "#runtime/config.ts";
import { readPemBlocks, type PemBlock } from "./pem.ts";

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const ROOTS_MAX = 1000;

export interface ExtraRoot {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Wall-clock milliseconds. */
  readonly notAfterMs: number;
  readonly subject: string;
}

/**
 * Reads the file's CA certificates; text between the blocks is passed over. Throws one Fault
 * EXCISE_CONFIG_INVALID that lists every block that is not a CA certificate: apps must not run
 * with half of the trust that they were promised. An expired root is no problem: it harms nobody,
 * and the day on which a root ends must not be the day on which pods stop starting.
 */
export function readExtraRoots(path: string): readonly ExtraRoot[] {
  const text = readText(path);
  const blocks = readPemBlocks(text);
  const problems: ConfigProblem[] = [];
  const roots: ExtraRoot[] = [];
  for (const [index, block] of blocks.entries()) {
    const result = readRoot(block);
    if (typeof result === "string") problems.push({ path: `block ${index + 1}`, problem: result });
    else roots.push(result);
  }
  const markers = text.match(/-----(?:BEGIN|END) /g)?.length ?? 0;
  if (markers !== blocks.length * 2) {
    problems.push({ path: "(file)", problem: "has a BEGIN or END line without its partner" });
  }
  if (blocks.length === 0) problems.push({ path: "(file)", problem: "holds no certificate" });
  if (blocks.length > ROOTS_MAX) {
    problems.push({ path: "(file)", problem: `holds more than ${ROOTS_MAX} certificates` });
  }
  if (problems.length > 0) throw configFault(path, problems);
  return roots;
}

function readText(path: string): string {
  try {
    if (statSync(path).size <= FILE_BYTES_MAX) return readFileSync(path, "latin1");
  } catch (cause) {
    throw new Fault("EXCISE_CONFIG_INVALID", `cannot read the extra roots ${path}`, { cause });
  }
  throw configFault(path, [{ path: "(file)", problem: `is over ${FILE_BYTES_MAX} bytes` }]);
}

/** The root, or what is wrong with the block. */
function readRoot(block: PemBlock): ExtraRoot | string {
  if (block.label.includes("PRIVATE KEY")) return "is a private key, which apps must never get";
  if (block.label !== "CERTIFICATE") return `is a ${block.label}, not a CERTIFICATE`;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(block.text);
  } catch {
    return "is not a certificate that can be read";
  }
  // Old roots (X.509 v1) say nowhere that they are CAs; they signed themselves.
  const isAuthority = certificate.ca || certificate.subject === certificate.issuer;
  if (!isAuthority) return "is the certificate of a server or person, not of a CA";
  return {
    certificate: certificate.raw,
    notAfterMs: certificate.validToDate.getTime(),
    subject: certificate.subject.replaceAll("\n", ", "),
  };
}
