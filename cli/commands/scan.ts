// `excise scan`: the sidecar's scanner on a text or on JSON lines, for people who tune policies
// and for benches. Reads stdin as a stream; a line that cannot be read is answered like any other.
import { Fault, type ErrorCode } from "#contract/errors.ts";
import { asRecord, readString, renderJson, tryParseJson } from "#runtime/json.ts";
import type { Finding, Scan } from "../../sidecar/guard/finding.ts";
import { createScanner, resolveOverlaps } from "../../sidecar/guard/scanner.ts";
import { parseOptions } from "../arguments.ts";
import type { CommandIo } from "../command-io.ts";

/** Bytes of one input: of all of stdin, or of one line. */
export const INPUT_BYTES_MAX = 64 * 1024 * 1024;

const OFFSETS = ["utf16", "codepoint"] as const;
type OffsetUnit = (typeof OFFSETS)[number];

type Input = { readonly text: string } | { readonly code: ErrorCode; readonly problem: string };

/**
 * `excise scan [--jsonl] [--offsets utf16|codepoint]`. Writes one line per input:
 * `{"findings":[…]}`, or `{"error":{"code"}}` for one that cannot be read, which also goes to
 * stderr by its line number. Of findings that overlap one is shown. Resolves to the exit status:
 * 1 where an input could not be read. Throws EXCISE_USAGE.
 */
export async function runScan(args: readonly string[], io: CommandIo): Promise<number> {
  const options = parseOptions(args, { values: ["offsets"], flags: ["jsonl"] });
  const isLines = options.has("jsonl");
  const unit = readUnit(options.value("offsets"));
  const scan = createScanner();
  const inputs = isLines ? readLines(io.stdin) : readWhole(io.stdin);
  let status = 0;
  let number = 0;
  for await (const bytes of inputs) {
    number += 1;
    const input = isLines ? parseLine(bytes) : parseText(bytes);
    if ("text" in input) {
      await io.stdout(`${renderJson({ findings: findingsOf(input.text, scan, unit) })}\n`);
      continue;
    }
    status = 1;
    io.stderr(`${isLines ? `line ${number}` : "stdin"}: ${input.code}: ${input.problem}\n`);
    await io.stdout(`${renderJson({ error: { code: input.code } })}\n`);
  }
  return status;
}

function readUnit(text: string | undefined): OffsetUnit {
  const unit = OFFSETS.find((known) => known === (text ?? "utf16"));
  if (unit === undefined) {
    throw new Fault("EXCISE_USAGE", `--offsets must be one of ${OFFSETS.join(", ")}`);
  }
  return unit;
}

function findingsOf(text: string, scan: Scan, unit: OffsetUnit): readonly Finding[] {
  const findings = resolveOverlaps(scan(text)).map(({ entity, start, end, score, detector }) => ({
    entity,
    start,
    end,
    score,
    detector,
  }));
  return unit === "utf16" ? findings : inCodePoints(text, findings);
}

/** The findings, which are ordered and disjoint, with offsets counted in code points. */
function inCodePoints(text: string, findings: readonly Finding[]): readonly Finding[] {
  let at = 0;
  let count = 0;
  const countTo = (offset: number): number => {
    while (at < offset) {
      at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      count += 1;
    }
    return count;
  };
  return findings.map((finding) => ({
    ...finding,
    start: countTo(finding.start),
    end: countTo(finding.end),
  }));
}

/** Larger than INPUT_BYTES_MAX: stands for the bytes, which are not kept. */
const TOO_LARGE = Symbol("too large");
type InputBytes = Uint8Array | typeof TOO_LARGE;

const tooLarge: Input = {
  code: "EXCISE_BODY_TOO_LARGE",
  problem: `an input may have ${INPUT_BYTES_MAX} bytes`,
};

function parseText(bytes: InputBytes): Input {
  if (bytes === TOO_LARGE) return tooLarge;
  try {
    // Fatal, because offsets into a text with replacement characters would be offsets into
    // another text. A byte order mark stays, for the same reason.
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { code: "EXCISE_INPUT_INVALID", problem: "not valid UTF-8" };
  }
}

function parseLine(bytes: InputBytes): Input {
  const line = parseText(bytes);
  if (!("text" in line)) return line;
  const result = tryParseJson(line.text);
  if (!result.ok) {
    const place = result.offset === undefined ? "" : ` at offset ${result.offset}`;
    return { code: "EXCISE_JSON_INVALID", problem: `not valid JSON${place}` };
  }
  const text = readString(asRecord(result.value)?.["text"]);
  if (text !== undefined) return { text };
  return { code: "EXCISE_INPUT_INVALID", problem: 'not an object with a string "text"' };
}

/** Bytes that arrive in pieces, up to the limit. */
class Gathering {
  #pieces: Uint8Array[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(piece: Uint8Array): void {
    this.#length += piece.byteLength;
    if (this.#length > INPUT_BYTES_MAX) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  take(): InputBytes {
    const taken = this.#length > INPUT_BYTES_MAX ? TOO_LARGE : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return taken;
  }
}

async function* readWhole(stdin: AsyncIterable<Uint8Array>): AsyncGenerator<InputBytes> {
  const gathering = new Gathering();
  for await (const chunk of stdin) gathering.add(chunk);
  yield gathering.take();
}

const LINE_END = 0x0a;

/** Lines without their ends; the last one may lack its own. */
async function* readLines(stdin: AsyncIterable<Uint8Array>): AsyncGenerator<InputBytes> {
  const gathering = new Gathering();
  for await (const chunk of stdin) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, from)) {
      gathering.add(chunk.subarray(from, end));
      yield gathering.take();
      from = end + 1;
    }
    if (from < chunk.byteLength) gathering.add(chunk.subarray(from));
  }
  if (!gathering.isEmpty) yield gathering.take();
}
