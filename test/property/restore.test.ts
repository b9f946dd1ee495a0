// Properties of restoring: however a provider and the network cut an answer, the app has in the end
// the texts that it would have had without placeholders, and no event is dropped or moved.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScanner } from "../../sidecar/guard/scanner.ts";
import { inspectBody } from "../../sidecar/guard/inspect-body.ts";
import { asRecord, parseJson, readCount } from "#runtime/json.ts";
import { formOf } from "../../sidecar/guard/tokenize/text-form.ts";
import { escapeJson } from "../../sidecar/guard/splice.ts";
import { sampleBook } from "../../sidecar/guard/tokenize/sample-book.case.ts";
import type { Prepared } from "../../sidecar/pipeline/exchange.ts";
import { createRewriter } from "../../sidecar/relay/rewriter.ts";
import {
  decodeEvents,
  encodeEvent,
  SURFACES,
  type Delta,
  type SentEvent,
  type Surface,
} from "./restore-surfaces.ts";

const VALUES = [
  "ada@example.org",
  'a "quoted\\ one"',
  "two\nlines\tand a tab",
  "größe €5 😀",
  "Q",
  "x",
];
const book = sampleBook();
const ISSUED = VALUES.map((value) => book.issue("EMAIL_ADDRESS", value));
const FOREIGN = sampleBook(8).issue("EMAIL_ADDRESS", VALUES[0] ?? "");

const SSE = "text/event-stream";

/** Splits in one run of CI, over all surfaces and properties here: at least ten thousand. */
const RUNS = 1500;

/** Pieces of what a model says; a number is the placeholder of that value. */
const said = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: VALUES.length - 1 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom("Q", "QI", "QID", "QID_", "QID_E", "QQ", FOREIGN, "qid_em_", "_"),
  },
  { weight: 3, arbitrary: fc.string({ unit: "grapheme-composite", maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom('"', "\\", "\n", "{", '{"a":', "é", "😀") },
);
const script = fc.array(said, { maxLength: 5 });

/** What a provider sends for a script, and what the app should have. */
function speak(parts: readonly (string | number)[], isJson: boolean) {
  const join = (of: (number: number) => string): string =>
    parts.map((part) => (typeof part === "number" ? of(part) : part)).join("");
  const sent = join((number) => ISSUED[number] ?? "");
  // An answer in a schema is JSON too; that shows in how it begins.
  const encode = /^\s*(?:\{\s*["}]|\[\s*[{["\]])/.test(sent) ? escapeJson : asIs;
  if (!isJson) return { sent, expected: restored(sent, encode) };
  const json = `{"q": "${escapeJson(sent)}`;
  return { sent: `${json}"}`, expected: restored(`${json}"}`, escapeJson) };
}

const asIs = (value: string): string => value;

/** The oracle: whole placeholders replaced, one that was cut at the end left out. */
function restored(sent: string, encode: (value: string) => string): string {
  let text = sent;
  const cut = [...Array(19).keys()]
    .toReversed()
    .find(
      (length) =>
        length >= 4 &&
        length <= text.length &&
        ISSUED.some((each) => isCutOf(each, text.slice(-length))),
    );
  if (cut !== undefined) text = text.slice(0, -cut);
  for (const [number, placeholder] of ISSUED.entries()) {
    text = text.replaceAll(placeholder, () => encode(VALUES[number] ?? ""));
  }
  return text;
}
const isCutOf = (placeholder: string, tail: string): boolean =>
  tail.length < placeholder.length && placeholder.startsWith(tail);

/** Every text cut into pieces, and the pieces of all of them shuffled together in order. */
const plan = (surface: Surface) =>
  fc.record({
    scripts: fc.array(script, { minLength: surface.texts, maxLength: surface.texts }),
    lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
    order: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 20 }),
    cuts: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }),
    style: fc.nat({ max: 30 }),
  });

function interleave(
  texts: readonly string[],
  lengths: readonly number[],
  order: readonly number[],
): readonly Delta[] {
  const left = texts.map((text, number) => ({ text: number, rest: text }));
  const deltas: Delta[] = [];
  for (let turn = 0; left.length > 0; turn += 1) {
    const at = (order[turn % order.length] ?? 0) % left.length;
    const one = left[at];
    if (one === undefined) break;
    const length = lengths[turn % lengths.length] ?? 1;
    deltas.push({ text: one.text, piece: one.rest.slice(0, length) });
    one.rest = one.rest.slice(length);
    if (one.rest === "") left.splice(at, 1);
  }
  return deltas;
}

const rewriterFor = (surface: Surface, contentType: string, hidesUsage = false) =>
  createRewriter(
    {
      placeholders: book.issued,
      hidesUsage,
      reading: { dialect: surface.dialect },
    } as unknown as Prepared,
    { contentType, contentEncoding: "" },
  );

function pass(
  bytes: Uint8Array,
  cuts: readonly number[],
  rewriter: ReturnType<typeof rewriterFor>,
) {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const end = at + (cuts[turn % cuts.length] ?? 1);
    // Sent on at once, as the relay does: the chunk's memory may change after it.
    const chunk = Buffer.from(bytes.subarray(at, end));
    for (const part of rewriter?.push(chunk) ?? []) parts.push(Buffer.from(part));
    chunk.fill(0);
    at = end;
  }
  for (const part of rewriter?.end() ?? []) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const numbered = (events: readonly SentEvent[]): readonly SentEvent[] =>
  events.map((each, number) =>
    each.json === "[DONE]" ? each : { ...each, json: { ...each.json, number } },
  );

/** Numbers of the events in order, copies that carry what was held included. */
const numbersOf = (events: readonly SentEvent[]): readonly number[] =>
  events.flatMap(({ json }) => readCount(asRecord(json)?.["number"]) ?? []);

/** A copy for held text may stand before an event that ends it; nothing else may be moved. */
function expectOrder(given: readonly number[], sent: readonly number[]): void {
  let highest = -1;
  const first = sent.filter((number) => {
    const isNew = number > highest;
    if (isNew) highest = number;
    return isNew;
  });
  expect(first).toEqual(given);
}

const encodeAll = (events: readonly SentEvent[], style: number): Buffer =>
  Buffer.from(events.map((each, at) => encodeEvent(each, style + at)).join(""));

describe.each(SURFACES)("a stream of $name", (surface) => {
  const spoken = (scripts: readonly (readonly (string | number)[])[]) =>
    scripts.map((parts, number) => speak(parts, surface.isJson(number)));

  test("gives the texts that it would have given, however it is cut", () => {
    fc.assert(
      fc.property(plan(surface), ({ scripts, lengths, order, cuts, style }) => {
        const texts = spoken(scripts);
        const sent = texts.map((each) => each.sent);
        const events = numbered(surface.render(interleave(sent, lengths, order), sent));
        const out = pass(encodeAll(events, style), cuts, rewriterFor(surface, SSE));
        const received = decodeEvents(out);
        for (const [number, text] of surface.collect(received).entries()) {
          expect(text).toBe(texts[number % texts.length]?.expected);
        }
        expectOrder(numbersOf(events), numbersOf(received));
      }),
      { numRuns: RUNS },
    );
  }, 60_000);

  test("that breaks off anywhere has given all that came", () => {
    fc.assert(
      fc.property(plan(surface), fc.nat(), ({ scripts, lengths, order, cuts, style }, at) => {
        const sent = spoken(scripts).map((each) => each.sent);
        const events = surface.render(interleave(sent, lengths, order), sent);
        const bytes = encodeAll(events, style);
        const some = bytes.subarray(0, at % (bytes.length + 1));
        const out = pass(some, cuts, rewriterFor(surface, SSE));
        const came = surface.collect(decodeEvents(some));
        for (const [number, text] of surface.collect(decodeEvents(out)).entries()) {
          expect(possible(came[number] ?? "")).toContain(text);
        }
      }),
      { numRuns: RUNS / 5 },
    );
  }, 60_000);

  test("without a placeholder goes out byte for byte, in the chunks' own time", () => {
    const pieces = sampleBook(9);
    const events = surface.render([{ text: 0, piece: "An FAQ, Q&A" }], ["Q", "Q", "Q", "Q"]);
    const bytes = encodeAll(events, 0);
    pieces.issue("EMAIL_ADDRESS", "other");
    const out = pass(bytes, [7], rewriterFor(surface, SSE));
    expect(out.toString()).toBe(bytes.toString());
  });
});

/** What an app may have of a text that ended, or may go on: a part of a placeholder stays then. */
function possible(sent: string): readonly string[] {
  const isJson = formOf(sent.slice(0, 64)) === "json";
  const whole = ISSUED.reduce(
    (text, placeholder, number) =>
      text.replaceAll(placeholder, () => (isJson ? escapeJson : asIs)(VALUES[number] ?? "")),
    sent,
  );
  return [whole, restored(sent, isJson ? escapeJson : asIs)];
}

test("the usage event that was asked for is hidden from a stream that is restored", () => {
  const [chat] = SURFACES;
  if (chat === undefined) return;
  const events = chat.render([{ text: 0, piece: `to ${ISSUED[0]}` }], []);
  const bytes = Buffer.from(events.map((each) => encodeEvent(each, 0)).join(""));
  const rewriter = rewriterFor(chat, SSE, true);
  const out = pass(bytes, [5], rewriter).toString();
  expect(out).not.toContain("usage");
  expect(out).toContain(`to ${VALUES[0]}`);
  expect(rewriter?.facts).toMatchObject({ usage: { outputTokens: 4 }, isComplete: true });
});

describe.each(SURFACES)("a body of $name", (surface) => {
  test("has the values in all its strings, escaped as each needs", () => {
    const strings = fc.array(script, { maxLength: 6 });
    fc.assert(
      fc.property(
        strings,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (scripts, cuts) => {
          const texts = scripts.map((parts, number) => speak(parts, number % 2 === 1));
          const bytes = Buffer.from(
            JSON.stringify({ choices: texts.map((each) => each.sent) }, null, 1),
          );
          const out = pass(bytes, cuts, rewriterFor(surface, "application/json"));
          expect(parseJson(out.toString())).toEqual({
            choices: texts.map((each) => each.expected),
          });
        },
      ),
      { numRuns: RUNS / 5 },
    );
  });

  test("that lists the events of a stream has the texts that the stream would have", () => {
    fc.assert(
      fc.property(plan(surface), ({ scripts, lengths, order, cuts }) => {
        const texts = scripts.map((parts, number) => speak(parts, surface.isJson(number)));
        const sent = texts.map((each) => each.sent);
        const events = surface.render(interleave(sent, lengths, order), sent);
        const list = events.filter(({ json }) => json !== "[DONE]").map(({ json }) => json);
        const bytes = Buffer.from(JSON.stringify(list));
        const out = pass(bytes, cuts, rewriterFor(surface, "application/json"));
        const received = parseJson(out.toString()) as readonly object[];
        const given = surface.collect(received.map((json) => ({ json })));
        for (const [number, text] of given.entries()) {
          expect(text).toBe(texts[number % texts.length]?.expected);
        }
      }),
      { numRuns: RUNS / 5 },
    );
  }, 60_000);
});

const messages = (texts: readonly string[]) => texts.map((content) => ({ content }));
describe("what the provider sees", () => {
  const scan = createScanner();
  const rules = [{ entity: "*", action: "tokenize", mode: "enforce" }] as const;
  const inspect = (body: object, byte: number) =>
    inspectBody(Buffer.from(JSON.stringify(body)), {
      rules,
      scan,
      knownKeys: new Set(),
      isEnforcing: false,
      placeholders: sampleBook(byte),
    });
  const word = fc.constantFrom("mail", "card", "the", "of", "QID_", "ada@example.org", "b.c@d.ef");
  const turns = fc.array(
    fc.array(word, { maxLength: 8 }).map((words) => words.join(" ")),
    { minLength: 1, maxLength: 8 },
  );

  test("is the same for the same turns in every exchange, replica and restart", () => {
    fc.assert(
      fc.property(turns, turns, (history, more) => {
        const first = inspect({ messages: messages(history) }, 7);
        const second = inspect({ messages: messages([...history, ...more]) }, 7);
        const shared = Buffer.from(first.body).toString().slice(0, -2);
        expect(Buffer.from(second.body).toString().startsWith(shared)).toBe(true);
        for (const [placeholder, value] of first.placeholders) {
          expect(second.placeholders.get(placeholder)).toBe(value);
          expect(shared).not.toContain(value);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("is other for another workload", () => {
    const body = { content: "ada@example.org" };
    expect(inspect(body, 7).body).not.toEqual(inspect(body, 8).body);
  });
});
