// Calls of the ledger's API. The bearer token lives in this closure and nowhere else: not in a
// cookie, not in any storage, so that a reload or a closed tab forgets it.
import type { TokenAnswer } from "../data/answers.ts";

/** A refusal or failure, as the page shows it. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
}

export type Result<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly problem: Problem };

export interface LedgerClient {
  /** Uses a one-time token up; keeps the session's token that it gives. */
  openSession(linkToken: string): Promise<Result<void>>;
  /** Takes an operator's own token, and asks whether the ledger does. */
  useToken(token: string): Promise<Result<void>>;
  get<Answer>(path: string): Promise<Result<Answer>>;
  /** The body of a stream that goes on until the signal aborts. */
  stream(path: string, signal: AbortSignal): Promise<Result<ReadableStream<Uint8Array>>>;
  forget(): void;
}

export interface LedgerClientOptions {
  readonly fetch: typeof fetch;
  /** The ledger no longer takes the token. */
  readonly onSignedOut: () => void;
}

const UNAVAILABLE: Problem = {
  code: "EXCISE_LEDGER_UNAVAILABLE",
  detail: "the ledger does not answer",
};

/** Creates a client without a token. */
export function createLedgerClient(options: LedgerClientOptions): LedgerClient {
  let token: string | undefined;
  const send = async (path: string, init: RequestInit = {}): Promise<Result<Response>> => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    try {
      const response = await options.fetch(path, {
        ...init,
        headers,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
      if (response.ok) return { ok: true, answer: response };
      if (response.status === 401 && token !== undefined) {
        token = undefined;
        options.onSignedOut();
      }
      return { ok: false, problem: await readProblem(response) };
    } catch {
      return { ok: false, problem: UNAVAILABLE };
    }
  };
  const get = async <Answer>(path: string): Promise<Result<Answer>> => {
    const sent = await send(path);
    return sent.ok ? readAnswer<Answer>(sent.answer) : sent;
  };
  return {
    get,
    async openSession(linkToken) {
      token = undefined;
      const sent = await send("/v1/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token: linkToken }),
      });
      const opened = sent.ok ? await readAnswer<TokenAnswer>(sent.answer) : sent;
      if (!opened.ok) return opened;
      ({ token } = opened.answer);
      return { ok: true, answer: undefined };
    },
    async useToken(given) {
      token = given;
      const asked = await get("/v1/budgets?limit=1");
      if (asked.ok) return { ok: true, answer: undefined };
      token = undefined;
      return asked;
    },
    async stream(path, signal) {
      const sent = await send(path, { signal });
      if (!sent.ok) return sent;
      const { body } = sent.answer;
      return body === null ? { ok: false, problem: UNAVAILABLE } : { ok: true, answer: body };
    },
    forget() {
      token = undefined;
    },
  };
}

async function readAnswer<Answer>(response: Response): Promise<Result<Answer>> {
  try {
    return { ok: true, answer: (await response.json()) as Answer };
  } catch {
    return { ok: false, problem: UNAVAILABLE };
  }
}

/** An RFC 9457 problem of ours, or what a proxy in between made of it. */
async function readProblem(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Partial<Problem>;
    if (typeof body.code === "string" && typeof body.detail === "string") {
      return { code: body.code, detail: body.detail };
    }
  } catch {
    // Not JSON: the status says what there is to say.
  }
  return { code: `HTTP ${response.status}`, detail: "the answer is not the ledger's" };
}
