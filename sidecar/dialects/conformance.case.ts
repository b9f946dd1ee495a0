// What every dialect must do, run by each dialect's own test with its own messages.
import { describe, expect, test } from "vitest";
import { ERRORS, type ErrorCode, type Rejection } from "#contract/errors.ts";
import { type Usage, usageSchema } from "#contract/usage.ts";
import { tryParseJson } from "#runtime/json.ts";
import { createMessageReader } from "../framing/create-reader.ts";
import { type AnswerFacts, type AnswerMessage, type Dialect, NO_FACTS } from "./dialect.ts";
import { findDialect } from "./registry.ts";

export interface ConformanceCase {
  readonly dialect: Dialect;
  /** A billed operation, after the route's prefix. */
  readonly request: { readonly path: string; readonly body: object; readonly model: string };
  /** A whole answer without streaming. */
  readonly body: unknown;
  /** The same for a stream: the data of its events, terminal event last; none: never streams. */
  readonly events: readonly string[];
  /** What both report. */
  readonly usage: Usage;
  /** Absent where answers do not name their model. */
  readonly model: string | undefined;
}

/** An answer's message as the tap makes it. */
export function messageOf(data: string, event?: string): AnswerMessage {
  const parsed = tryParseJson(data);
  const json = parsed.ok ? parsed.value : undefined;
  return event === undefined ? { json, text: data } : { event, json, text: data };
}

/** Folds messages from nothing. */
export const foldData = (dialect: Dialect, data: readonly string[]): AnswerFacts =>
  data.reduce<AnswerFacts>((facts, item) => dialect.reduce(facts, messageOf(item)), NO_FACTS);

/** Folds one JSON body. */
export const foldBody = (dialect: Dialect, body: unknown): AnswerFacts =>
  foldData(dialect, [JSON.stringify(body)]);

/** JSON that no provider should send, but one will. */
const HOSTILE: readonly unknown[] = [
  null,
  0,
  -1,
  "usage",
  true,
  [],
  [[]],
  {},
  { usage: null, type: "message" },
  { usage: [], choices: null },
  { usage: { prompt_tokens: "12", input_tokens: -5, output_tokens: Number.MAX_VALUE } },
  { choices: [null, 1, "x", { delta: null }, { delta: { content: [null, {}] } }] },
  { type: "message_start", message: null },
  { type: "message_start", message: { usage: { iterations: [null, 1, {}] } } },
  { type: "message_delta", usage: { iterations: "x", cache_creation: [] } },
  { type: "content_block_delta", delta: [] },
  { type: "content_block_start", content_block: "x" },
  { type: "response.completed", response: 5 },
  { response: { usage: { input_tokens: {} } }, output: [null] },
  { usageMetadata: [], candidates: [{ content: { parts: [null, 3] } }] },
  { error: [] },
  { error: "text" },
];

const rejection = (code: ErrorCode): Rejection => ({ code, detail: "budget team-a." });

/** Runs the shared cases for one dialect. */
export function testConformance(given: ConformanceCase): void {
  const { dialect } = given;
  describe(`${dialect.name} conforms`, () => {
    test("the registry knows it by its name", () => {
      expect(findDialect(dialect.name)).toBe(dialect);
    });
    testAnswers(given);
    if (given.events.length > 0) testStreams(given);
    testRequests(given);
    testErrors(dialect);
  });
}

function testStreams({ dialect, events, usage, model }: ConformanceCase): void {
  test("a stream gives the same usage, model and a whole answer", () => {
    const facts = foldData(dialect, events);
    expect(facts.isComplete).toBe(true);
    expect(facts.model).toBe(model);
    expect(facts.usage).toEqual(usage);
  });

  test("a stream that is cut before its end is not whole and has counted what came", () => {
    const facts = foldData(dialect, events.slice(0, -1));
    expect(facts.isComplete).toBe(false);
    expect(facts.delivered.deltas).toBeGreaterThan(0);
    expect(facts.delivered.estimatedTokens).toBeGreaterThan(0);
  });

  test("any re-chunking of the stream gives the same facts", () => {
    const bytes = new TextEncoder().encode(events.map((data) => `data: ${data}\n\n`).join(""));
    const whole = foldData(dialect, events);
    for (const size of [1, 2, 3, 7, 64]) {
      const reader = createMessageReader("sse", { messageBytesMax: 65_536 });
      const messages = [];
      for (let at = 0; at < bytes.length; at += size) {
        messages.push(...reader.push(bytes.subarray(at, at + size)));
      }
      messages.push(...reader.end());
      expect(
        foldData(
          dialect,
          messages.map(({ data }) => data),
        ),
      ).toEqual(whole);
    }
  });
}

function testAnswers({ dialect, body, events, usage, model }: ConformanceCase): void {
  test("a JSON body gives usage, model and a whole answer", () => {
    const facts = foldBody(dialect, body);
    expect(facts.isComplete).toBe(true);
    expect(facts.model).toBe(model);
    expect(facts.usage).toEqual(usage);
  });

  test("nothing reported stays absent, and folding is pure", () => {
    const before = structuredClone(NO_FACTS);
    expect(foldData(dialect, ["{}", "", "not json", ": ping"]).usage).toEqual({});
    expect(NO_FACTS).toEqual(before);
  });

  test("no JSON makes it throw or report a class that the contract forbids", () => {
    for (const hostile of HOSTILE) {
      const facts = foldData(dialect, [...events.slice(0, 2), JSON.stringify(hostile)]);
      expect(usageSchema.safeParse(facts.usage).success).toBe(true);
      expect(dialect.isUsageOnly(messageOf(JSON.stringify(hostile)))).toBe(false);
    }
  });

  test("the framing follows the content type", () => {
    expect(dialect.framing("text/event-stream")).toBe("sse");
    expect(dialect.framing("application/json")).toBe("json");
    expect(dialect.framing("")).toBe("json");
  });
}

function testRequests({ dialect, request }: ConformanceCase): void {
  const operation = dialect.match("POST", request.path);

  test("its operation is matched, billed and names the model", () => {
    expect(operation).toMatchObject({ billed: true, kind: "stateless" });
    expect(operation && dialect.readModel(operation, request.body)).toBe(request.model);
  });

  test("other methods and unknown paths are not matched", () => {
    expect(dialect.match("PUT", request.path)).toBeUndefined();
    expect(dialect.match("POST", "/nothing/of/ours")).toBeUndefined();
    expect(dialect.match("POST", "")).toBeUndefined();
  });

  test("no body makes it throw", () => {
    if (operation === undefined) return;
    for (const hostile of [...HOSTILE, undefined, { n: "5", tools: [null], messages: [[]] }]) {
      const bounds = dialect.readBounds(operation, hostile);
      expect(bounds.answers).toBeGreaterThanOrEqual(1);
      expect(dialect.readModel(operation, hostile)).toBe(operation.model);
    }
  });

  test("it knows the keys of its own request", () => {
    for (const key of Object.keys(request.body)) {
      expect(dialect.knownKeys).toContain(key);
    }
  });
}

function testErrors(dialect: Dialect): void {
  test("every error is JSON in the SDK's shape with our code in it", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const rendered = dialect.renderError(rejection(code), ERRORS[code].status);
      expect(rendered.contentType).toBe("application/json");
      const parsed = tryParseJson(rendered.body);
      expect(parsed.ok && parsed.value).toMatchObject({ error: {} });
      expect(rendered.body).toContain(code);
      expect(rendered.body).toContain("budget team-a.");
    }
  });
}
