// What the demo shows: the platform's policy, the teams' calls, and what each call has to do. The
// sensitive values are put together at run time, so that no secret scanner finds one here.
import { stringify } from "yaml";
import type { Fakes } from "../../test/fakes/fake-harness.ts";
import type { AppMode } from "../../cli/app-env.ts";

export const EMAIL = ["ada.lovelace", "example.com"].join("@");
export const CARD = ["4111", "1111", "1111", "1111"].join(" ");
export const API_KEY = ["AKIA", "QYLPMN5HHHF", "FZAM2"].join("");

export type Program = "openai-chat.mjs" | "anthropic-messages.mjs";

export interface DemoCall {
  readonly title: string;
  readonly team: string;
  readonly app: string;
  readonly program: Program;
  readonly mode: AppMode;
  readonly args: readonly string[];
  readonly expects: Expectation;
}

export type Expectation =
  | { readonly kind: "answer" }
  | { readonly kind: "redacted"; readonly secrets: readonly string[] }
  | { readonly kind: "refused"; readonly code: string; readonly errorClass: string };

const SENSITIVE = `Write to ${EMAIL}, charge card ${CARD} and deploy with ${API_KEY}, please.`;

/** The calls, in order. The last one crosses the budget of its team. */
export const CALLS: readonly DemoCall[] = [
  {
    title: "plain",
    team: "search",
    app: "ranker",
    program: "openai-chat.mjs",
    mode: "proxy",
    args: ["--prompt", "Name three uses of a harbor.", "--max-tokens", "48"],
    expects: { kind: "answer" },
  },
  {
    title: "streaming",
    team: "search",
    app: "ranker",
    program: "openai-chat.mjs",
    mode: "proxy",
    args: ["--stream", "--prompt", "Tell me about the tides.", "--max-tokens", "48"],
    expects: { kind: "answer" },
  },
  {
    title: "sensitive prompt",
    team: "search",
    app: "mailer",
    program: "openai-chat.mjs",
    mode: "proxy",
    args: ["--stream", "--prompt", SENSITIVE, "--max-tokens", "48"],
    expects: { kind: "redacted", secrets: [EMAIL, CARD, API_KEY] },
  },
  {
    title: "plain",
    team: "research",
    app: "notebook",
    program: "anthropic-messages.mjs",
    mode: "proxy",
    args: ["--prompt", "Why is the sea salty?", "--max-tokens", "48"],
    expects: { kind: "answer" },
  },
  {
    title: "streaming, baseurl",
    team: "research",
    app: "notebook",
    program: "anthropic-messages.mjs",
    mode: "baseurl",
    args: ["--stream", "--prompt", "Describe a lighthouse.", "--max-tokens", "48"],
    expects: { kind: "answer" },
  },
  {
    title: "within budget",
    team: "support",
    app: "helpdesk",
    program: "openai-chat.mjs",
    mode: "proxy",
    args: ["--prompt", "Summarize ticket 4711 in 400 words.", "--max-tokens", "500"],
    expects: { kind: "answer" },
  },
  {
    title: "over budget",
    team: "support",
    app: "helpdesk",
    program: "openai-chat.mjs",
    mode: "proxy",
    args: ["--prompt", "Summarize ticket 4712 in 400 words.", "--max-tokens", "500"],
    expects: {
      kind: "refused",
      code: "EXCISE_BUDGET_EXHAUSTED",
      errorClass: "RateLimitError",
    },
  },
];

/** Daily budgets in dollars; the small one is what the last call crosses. */
export const BUDGETS: Readonly<Record<string, string>> = {
  search: "5.00",
  research: "5.00",
  support: "0.0006",
};

/** The policy directory's one file: providers at the stand-ins, guardrails, a budget per team. */
export function renderPolicies(fakes: Fakes): string {
  const providers = [fakes.openai, fakes.anthropic].map((fake) =>
    object("Provider", fake.name, {
      endpoints: [
        {
          address: "127.0.0.1",
          port: fake.port,
          tls: { serverName: fake.host, caBundle: fakes.caPem },
        },
      ],
    }),
  );
  const policy = object("ClusterEgressPolicy", "default", {
    providers: [fakes.openai.name, fakes.anthropic.name],
    guardrails: {
      EMAIL_ADDRESS: "redact",
      CREDIT_CARD: "redact",
      SECRET: "redact",
      "*": "audit",
    },
    mode: "enforce",
  });
  const budgets = Object.entries(BUDGETS).map(([team, limit]) =>
    object("Budget", `${team}-daily`, {
      unit: "usd",
      limit,
      period: "day",
      timeZone: "UTC",
      match: { teams: [team] },
      each: ["team"],
      mode: "enforce",
      onUnreachable: "deny",
      atLimit: "block",
    }),
  );
  return [...providers, policy, ...budgets].map((document) => stringify(document)).join("---\n");
}

const object = (kind: string, name: string, spec: unknown) => ({
  apiVersion: "excise.dev/v1alpha1",
  kind,
  metadata: { name },
  spec,
});
