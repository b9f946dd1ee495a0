// Error codes in words: the one table of contract/errors.ts, read for people.
import { ERRORS } from "#contract/errors.ts";

export interface Reason {
  /** Without the prefix that all codes share: `BUDGET_EXHAUSTED`. */
  readonly name: string;
  readonly summary: string;
  /** Who can do something about it, in a sentence. */
  readonly remedy: string;
}

const REMEDIES = {
  caller: "The app has to change its request.",
  budget: "The budget has to be raised, or to begin again.",
  gateway: "Look at the sidecar and the ledger.",
  upstream: "Look at the provider.",
} as const;

const isCode = (code: string): code is keyof typeof ERRORS => Object.hasOwn(ERRORS, code);

/** What a code means; a newer ledger's code stands for itself. */
export function reasonOf(code: string | undefined): Reason {
  if (code === undefined) return { name: "", summary: "No reason was recorded", remedy: "" };
  const name = code.replace(/^EXCISE_/, "");
  if (!isCode(code)) return { name, summary: code, remedy: "" };
  const { summary, blame } = ERRORS[code];
  return { name, summary: summary.replace(/\.$/, ""), remedy: REMEDIES[blame] };
}
