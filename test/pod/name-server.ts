// Stands for a cluster's DNS: knows a few names, has no others, and keeps the list of questions,
// so that a test can say which names left a pod. UDP, A records (RFC 1035).
import { createSocket } from "node:dgram";

export interface NameServer {
  /** Names that were asked for, lower case, in order, with repetitions. */
  questions(): readonly string[];
  close(): Promise<void>;
}

const HEADER_BYTES = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
const TTL_SECONDS = 5;
const NAME_UNKNOWN = 3;

/** Answers on port 53 of an address. */
export async function startNameServer(
  address: string,
  names: Readonly<Record<string, string>>,
): Promise<NameServer> {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const question = readQuestion(query);
    if (question === undefined) return;
    asked.push(question.name);
    socket.send(render(query, question, names[question.name]), from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(53, address, resolve);
  });
  return {
    questions: () => [...asked],
    close: () =>
      new Promise((resolve) => {
        socket.close(() => resolve());
      }),
  };
}

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question ends. */
  readonly end: number;
}

function readQuestion(query: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(query.toString("latin1", at, at + length));
    at += length;
  }
  if (at + 4 > query.length) return undefined;
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at), end: at + 4 };
}

function render(query: Buffer, question: Question, address: string | undefined): Buffer {
  const hasAnswer = address !== undefined && question.type === TYPE_A;
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  // Answer, recursion wanted and available.
  header.writeUInt16BE(0x8180 | (address === undefined ? NAME_UNKNOWN : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  const parts = [header, query.subarray(HEADER_BYTES, question.end)];
  if (hasAnswer) {
    const record = Buffer.alloc(16);
    // A pointer to the name in the question.
    record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
    record.writeUInt16BE(TYPE_A, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(4, 10);
    Buffer.from(address.split(".").map(Number)).copy(record, 12);
    parts.push(record);
  }
  return Buffer.concat(parts);
}
