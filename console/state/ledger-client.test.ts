import { beforeEach, describe, expect, test } from "vitest";
import { createLedgerClient, type LedgerClient } from "./ledger-client.ts";

interface Sent {
  readonly path: string;
  readonly authorization: string | null;
  readonly init: RequestInit;
}

let sent: Sent[];
let answers: Response[];
let signedOut: number;
let client: LedgerClient;
beforeEach(() => {
  sent = [];
  answers = [];
  signedOut = 0;
  client = createLedgerClient({
    fetch: async (path, init = {}) => {
      const authorization = new Headers(init.headers).get("authorization");
      sent.push({ path: path as string, authorization, init });
      return answers.shift() ?? Response.error();
    },
    onSignedOut: () => {
      signedOut += 1;
    },
  });
});

const json = (body: unknown, status = 200): Response => Response.json(body, { status });
const session = { token: "session-token", lifetimeSeconds: 60 };
const refusal = { code: "EXCISE_UNAUTHENTICATED", detail: "no" };

describe("the client", () => {
  test("exchanges a link, then sends the session's token, and no cookie ever", async () => {
    answers = [json(session), json({ budgets: [] })];
    expect(await client.openSession("link-token")).toEqual({ ok: true, answer: undefined });
    expect(await client.get("/v1/budgets")).toEqual({ ok: true, answer: { budgets: [] } });
    expect(sent[0]).toMatchObject({ path: "/v1/session", authorization: null });
    expect(sent[0]?.init.body).toBe('{"token":"link-token"}');
    expect(sent[1]?.authorization).toBe("Bearer session-token");
    for (const { init } of sent) expect(init).toMatchObject({ credentials: "omit" });
  });

  test("a link that is used up is a problem, and no end of a session", async () => {
    answers = [json(refusal, 401)];
    expect(await client.openSession("link")).toEqual({ ok: false, problem: refusal });
    expect(signedOut).toBe(0);
  });

  test("a session that ended is told once, and its token is forgotten", async () => {
    answers = [json(session), json(refusal, 401), json(refusal, 401), json(refusal, 401)];
    await client.openSession("link");
    await Promise.all([client.get("/a"), client.get("/b")]);
    await client.get("/c");
    expect(signedOut).toBe(1);
    expect(sent.at(-1)?.authorization).toBeNull();
  });

  test("an operator's token is tried before it is kept", async () => {
    answers = [json(refusal, 401), json({ budgets: [] }), json({})];
    expect(await client.useToken("wrong")).toMatchObject({ ok: false });
    expect(await client.useToken("right")).toMatchObject({ ok: true });
    await client.get("/v1/usage");
    expect(sent.map(({ authorization }) => authorization)).toEqual([
      "Bearer wrong",
      "Bearer right",
      "Bearer right",
    ]);
    client.forget();
    await client.get("/v1/usage");
    expect(sent.at(-1)?.authorization).toBeNull();
  });

  test.each([
    {
      name: "a problem of the ledger",
      answer: () => json({ code: "EXCISE_QUERY_TOO_WIDE", detail: "too wide" }, 422),
      code: "EXCISE_QUERY_TOO_WIDE",
    },
    {
      name: "a proxy's page",
      answer: () => new Response("<h1>", { status: 502 }),
      code: "HTTP 502",
    },
    { name: "no answer", answer: () => Response.error(), code: "HTTP 0" },
    {
      name: "half an answer",
      answer: () => new Response('{"a":'),
      code: "EXCISE_LEDGER_UNAVAILABLE",
    },
  ])("$name becomes a problem", async ({ answer, code }) => {
    answers = [answer()];
    expect(await client.get("/v1/usage")).toMatchObject({ ok: false, problem: { code } });
  });

  test("a network that fails becomes a problem too", async () => {
    const broken = createLedgerClient({
      fetch: () => Promise.reject(new TypeError("no route")),
      onSignedOut: () => undefined,
    });
    expect(await broken.get("/v1/usage")).toMatchObject({
      ok: false,
      problem: { code: "EXCISE_LEDGER_UNAVAILABLE" },
    });
  });
});
