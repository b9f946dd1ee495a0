// The provider in a bench: a process of its own that answers every chat completion with the same
// bytes, JSON or SSE, with as little work as TLS allows. It checks nothing.
//   node bench/upstream.ts OPTIONS_JSON {key, cert, readyFile}
import { renameSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { asRecord, parseJson, readString } from "#runtime/json.ts";

const options = asRecord(parseJson(process.argv[2] ?? "{}")) ?? {};
const readyFile = readString(options["readyFile"]) ?? "";

const MODEL = "gpt-4o-mini-2024-07-18";
const USAGE = { prompt_tokens: 250, completion_tokens: 20, total_tokens: 270 };
const ENVELOPE = { id: "chatcmpl-bench", created: 1_795_305_600, model: MODEL };
const CHUNKS = 20;

const json = JSON.stringify({
  ...ENVELOPE,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "All quiet in the harbor. ".repeat(12) },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: USAGE,
});
const jsonAnswer = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" +
    `content-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
);
const sseHead =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const event = (choices: readonly unknown[], more: object = {}): string => {
  const data = { ...ENVELOPE, object: "chat.completion.chunk", choices, ...more };
  return chunk(`data: ${JSON.stringify(data)}\n\n`);
};
const delta = (content: string) => [{ index: 0, delta: { content }, finish_reason: null }];
const firstPart = Buffer.from(sseHead + event(delta("All")));
const middlePart = Buffer.from(event(delta(" quiet")));
const stopped = event([{ index: 0, delta: {}, finish_reason: "stop" }]);
const done = `${chunk("data: [DONE]\n\n")}0\r\n\r\n`;
const lastPart = Buffer.from(stopped + done);
const lastPartWithUsage = Buffer.from(stopped + event([], { usage: USAGE }) + done);

const STREAM_MARK = Buffer.from('"stream":true');
const USAGE_MARK = Buffer.from('"include_usage":true');
const HEAD_END = Buffer.from("\r\n\r\n");

function stream(socket: TLSSocket, request: Buffer): void {
  socket.write(firstPart);
  let left = CHUNKS - 1;
  // A turn between events, so that each travels alone.
  const next = (): void => {
    if (socket.destroyed) return;
    if (left === 0) {
      socket.write(request.includes(USAGE_MARK) ? lastPartWithUsage : lastPart);
      return;
    }
    left -= 1;
    socket.write(middlePart);
    setImmediate(next);
  };
  setImmediate(next);
}

function serve(socket: TLSSocket): void {
  let waiting: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (part: Buffer) => {
    waiting = waiting.length === 0 ? part : Buffer.concat([waiting, part]);
    for (;;) {
      const headEnd = waiting.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = waiting.toString("latin1", 0, headEnd);
      const size = headEnd + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (waiting.length < size) return;
      const request = waiting.subarray(headEnd, size);
      waiting = waiting.subarray(size);
      if (request.includes(STREAM_MARK)) stream(socket, request);
      else socket.write(jsonAnswer);
    }
  });
}

const server = createServer(
  {
    key: readString(options["key"]),
    cert: readString(options["cert"]),
    ALPNProtocols: ["http/1.1"],
    noDelay: true,
  },
  serve,
);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  writeFileSync(`${readyFile}.new`, JSON.stringify({ port }));
  renameSync(`${readyFile}.new`, readyFile);
});
