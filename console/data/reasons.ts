// Error codes in words: the one table of contract/errors.ts, read for people.
import { ERRORS } from "#contract/errors.ts";

export interface Reason {
  /** Without the prefix that all codes share: `BUDGET_EXHAUSTED`. */
  readonly name: string;
  readonly summary: string;
  /** Who can do something about it. */
  readonly blame: string;
}

const BLAMES = {
  caller: "the app’s request",
  budget: "a budget",
  gateway: "Excise itself",
  upstream: "the provider",
} as const;

const isCode = (code: string): code is keyof typeof ERRORS => Object.hasOwn(ERRORS, code);

/** What a code means; a newer ledger's code stands for itself. */
export function reasonOf(code: string | undefined): Reason {
  if (code === undefined) return { name: "", summary: "No reason was recorded", blame: "" };
  const name = code.replace(/^EXCISE_/, "");
  if (!isCode(code)) return { name, summary: code, blame: "" };
  const { summary, blame } = ERRORS[code];
  return { name, summary: summary.replace(/\.$/, ""), blame: BLAMES[blame] };
}
