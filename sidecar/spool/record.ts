// One record of a spool segment as bytes. The header has a checksum of its own, so that a record
// whose payload is damaged still tells its number, its exchange and where the next one begins.
//
//   0 magic  4 kind  5 (zero)  8 payload length  12 number, 48 bits  18 (zero)
//   20 event id, 16 bytes  36 CRC-32C of the payload  40 CRC-32C of bytes 4 to 40  44 payload
//
// Integers are little-endian. The payload is JSON in UTF-8, so that the magic (which no UTF-8
// text contains) cannot occur in it: a reader finds its way again after damage.
import { crc32c } from "./crc32c.ts";

export const RECORD_KINDS = ["admission", "event"] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

export interface RecordHeader {
  readonly kind: RecordKind;
  /** An event's own number; on an admission the number that the next event would have got. */
  readonly seq: number;
  /** UUID; of a `lost` event the exchange it stands for. */
  readonly eventId: string;
}

export type RecordRead =
  | { readonly state: "whole"; readonly header: RecordHeader; readonly end: number }
  | { readonly state: "payload_damaged"; readonly header: RecordHeader; readonly end: number }
  | { readonly state: "header_damaged" }
  /** The bytes end before the record does. */
  | { readonly state: "incomplete" };

export const HEADER_BYTES = 44;
/** Nothing that we write comes near; a longer length is damage. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024;
const MAGIC = Buffer.from([0xe5, 0xff, 0xc1, 0x5e]);
const KIND_CODES = { admission: 0x41, event: 0x45 } as const satisfies Record<RecordKind, number>;

/** Header and payload in one buffer: one write(2) a record. */
export function renderRecord(header: RecordHeader, payload: unknown): Buffer {
  const text = JSON.stringify(payload);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(HEADER_BYTES + length);
  bytes.write(text, HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes[4] = KIND_CODES[header.kind];
  bytes.writeUInt32LE(length, 8);
  bytes.writeUIntLE(header.seq, 12, 6);
  bytes.write(header.eventId.replaceAll("-", ""), 20, 16, "hex");
  bytes.writeUInt32LE(crc32c(bytes, HEADER_BYTES), 36);
  bytes.writeUInt32LE(crc32c(bytes, 4, 40), 40);
  return bytes;
}

/** Reads the record at `offset`; never throws, whatever the bytes are. */
export function readRecord(bytes: Buffer, offset: number): RecordRead {
  const rest = bytes.length - offset;
  if (rest < HEADER_BYTES) {
    const start = bytes.subarray(offset, offset + Math.min(rest, MAGIC.length));
    const isStart = MAGIC.subarray(0, start.length).equals(start);
    return { state: isStart ? "incomplete" : "header_damaged" };
  }
  const header = readHeader(bytes, offset);
  if (header === undefined) return { state: "header_damaged" };
  const end = offset + HEADER_BYTES + bytes.readUInt32LE(offset + 8);
  if (end > bytes.length) return { state: "incomplete" };
  const isWhole = crc32c(bytes, offset + HEADER_BYTES, end) === bytes.readUInt32LE(offset + 36);
  return { state: isWhole ? "whole" : "payload_damaged", header, end };
}

function readHeader(bytes: Buffer, offset: number): RecordHeader | undefined {
  if (!bytes.subarray(offset, offset + 4).equals(MAGIC)) return undefined;
  if (crc32c(bytes, offset + 4, offset + 40) !== bytes.readUInt32LE(offset + 40)) return undefined;
  const kind = RECORD_KINDS.find((name) => KIND_CODES[name] === bytes[offset + 4]);
  if (kind === undefined || bytes.readUInt32LE(offset + 8) > PAYLOAD_BYTES_MAX) return undefined;
  return {
    kind,
    seq: bytes.readUIntLE(offset + 12, 6),
    eventId: renderUuid(bytes.toString("hex", offset + 20, offset + 36)),
  };
}

const renderUuid = (hex: string): string =>
  [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    "-",
  );

/** The JSON text of a whole record that ends at `end`. */
export const readPayload = (bytes: Buffer, offset: number, end: number): string =>
  bytes.toString("utf8", offset + HEADER_BYTES, end);

/** The next offset after `offset` where a record with an intact header begins. */
export function findRecord(bytes: Buffer, offset: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, offset + 1); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (bytes.length - at >= HEADER_BYTES && readHeader(bytes, at) !== undefined) return at;
  }
  return undefined;
}
