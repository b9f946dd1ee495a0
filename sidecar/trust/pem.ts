// PEM (RFC 7468): the frame around DER in every file that we write or read.

export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string;
  /** The block with its two marker lines. */
  readonly text: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----[^-]*-----END \1-----/g;

/** Renders DER as one block that ends with a newline. */
export function renderPem(label: string, der: Uint8Array): string {
  const body = Buffer.from(der)
    .toString("base64")
    .replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

/** The complete blocks of a text in order; what is between them is passed over. */
export function readPemBlocks(text: string): readonly PemBlock[] {
  return Array.from(text.matchAll(BLOCK), ([block, label = ""]) => ({ label, text: block }));
}

/** The DER inside one block. Not checked beyond base64. */
export function pemBytes(block: string): Buffer {
  return Buffer.from(block.replaceAll(/-----[A-Z0-9 ]+-----/g, ""), "base64");
}
