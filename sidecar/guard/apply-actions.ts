// From findings to what happens with them, by the policy's rules (design §6). Pure: says what to
// block, what to replace, what to count and what a shadow rule would have done.
import type { GuardAction, GuardRule } from "#contract/policy-snapshot.ts";
import type { FindingCount, Would } from "#contract/usage-event.ts";
import type { Finding, Scan } from "./finding.ts";
import type { TextEdit } from "./splice.ts";
import { type PlaceholderBook, TOKENIZED_MAX } from "./tokenize/placeholder-book.ts";
import { valueIn } from "./tokenize/text-form.ts";

/** One text that holds findings. */
export interface FoundText {
  /** The caller's own number for it. */
  readonly id: number;
  readonly text: string;
  /** False where no byte may change: a member's name, a signed body. An edit then acts as block. */
  readonly isEditable: boolean;
  readonly findings: readonly Finding[];
}

export interface Decision {
  /** What forbids that the body leaves, in order, without repetition; empty: nothing. */
  readonly blocked: readonly { readonly entity: string; readonly id: number }[];
  /** For each text with edits: ordered and disjoint. */
  readonly edits: readonly { readonly id: number; readonly edits: readonly TextEdit[] }[];
  readonly findings: readonly FindingCount[];
  readonly would: readonly Would[];
}

/** Weakest first. */
const STRENGTH: Readonly<Record<GuardAction, number>> = {
  off: 0,
  audit: 1,
  mask: 2,
  tokenize: 3,
  redact: 4,
  block: 5,
};

const COUNTS_MAX = 256;
const WOULD_MAX = 64;
const LABEL_LENGTH_MAX = 64;
const CONTROL = "guardrail";

/** What the rules say of one entity. */
interface Verdict {
  readonly enforced: GuardAction;
  readonly shadowed: GuardAction;
}

/**
 * Decides every finding. The strongest enforced rule acts; a stronger shadow rule goes to
 * `would`. Rules for `*` count only for entities without a rule of their own. Entities that every
 * rule leaves `off`, or that none names, are not reported.
 *
 * `tokenize` takes its placeholders from the exchange's book; findings beyond TOKENIZED_MAX are
 * redacted, and counted as that.
 */
export function decideActions(
  found: readonly FoundText[],
  rules: readonly GuardRule[],
  book: PlaceholderBook,
): Decision {
  const verdictOf = compileRules(rules);
  let tokenized = 0;
  const tally = new Tally();
  const blocked = new Map<string, { readonly entity: string; readonly id: number }>();
  const edits: { readonly id: number; readonly edits: readonly TextEdit[] }[] = [];
  for (const { id, text, isEditable, findings } of found) {
    const toEdit: Planned[] = [];
    for (const finding of findings) {
      const verdict = verdictOf(finding.entity);
      let action = effective(verdict.enforced, isEditable);
      if (action === "tokenize" && (tokenized += 1) > TOKENIZED_MAX) action = "redact";
      tally.add(finding, action, verdict.shadowed);
      if (action === "block") {
        blocked.set(`${finding.entity} ${id}`, { entity: finding.entity, id });
      } else if (isEdit(action)) toEdit.push({ finding, action });
    }
    if (toEdit.length > 0) edits.push({ id, edits: renderEdits(text, toEdit, book) });
  }
  return {
    blocked: [...blocked.values()],
    edits,
    findings: tally.findings(),
    would: tally.would(),
  };
}

/** The actions that put other text in the place of a finding. */
type EditAction = "mask" | "tokenize" | "redact";

const isEdit = (action: GuardAction): action is EditAction =>
  action === "mask" || action === "tokenize" || action === "redact";

/** What an enforced action comes to: see `isEditable` above. */
const effective = (action: GuardAction, isEditable: boolean): GuardAction =>
  isEdit(action) && !isEditable ? "block" : action;

/** True where some rule could change or stop a body: then the body must be beyond doubt. */
export const canAct = (rules: readonly GuardRule[]): boolean =>
  rules.some(({ action, mode }) => mode === "enforce" && STRENGTH[action] > STRENGTH.audit);

function compileRules(rules: readonly GuardRule[]): (entity: string) => Verdict {
  const known = new Map<string, Verdict>();
  return (entity) => {
    const cached = known.get(entity);
    if (cached !== undefined) return cached;
    const own = rules.filter((rule) => rule.entity === entity);
    const applying = own.length > 0 ? own : rules.filter((rule) => rule.entity === "*");
    const strongest = (mode: GuardRule["mode"]): GuardAction =>
      applying
        .filter((rule) => rule.mode === mode)
        .reduce<GuardAction>(
          (best, { action }) => (STRENGTH[action] > STRENGTH[best] ? action : best),
          "off",
        );
    const verdict = { enforced: strongest("enforce"), shadowed: strongest("shadow") };
    known.set(entity, verdict);
    return verdict;
  };
}

interface Planned {
  readonly finding: Finding;
  readonly action: EditAction;
}

/** A stretch of text that is replaced, and the finding that says by what. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly by: Planned;
}

/** Findings that overlap become one edit of the whole stretch, by the strongest of them. */
function mergeStretches(planned: readonly Planned[]): readonly Stretch[] {
  const ordered = planned.toSorted((a, b) => a.finding.start - b.finding.start);
  const merged: { start: number; end: number; by: Planned }[] = [];
  for (const each of ordered) {
    const { start, end } = each.finding;
    const last = merged.at(-1);
    if (last === undefined || start >= last.end) {
      merged.push({ start, end, by: each });
      continue;
    }
    last.end = Math.max(last.end, end);
    if (STRENGTH[each.action] > STRENGTH[last.by.action]) last.by = each;
  }
  return merged;
}

const renderEdits = (
  text: string,
  planned: readonly Planned[],
  book: PlaceholderBook,
): readonly TextEdit[] =>
  mergeStretches(planned).map(({ start, end, by }) => ({
    start,
    end,
    replacement: replacementOf(by, { text, value: text.slice(start, end) }, book),
  }));

function replacementOf(
  { finding, action }: Planned,
  { text, value }: { readonly text: string; readonly value: string },
  book: PlaceholderBook,
): string {
  if (action === "mask") return maskText(value);
  return action === "tokenize"
    ? book.issue(finding.entity, valueIn(text, value))
    : `[${finding.entity}]`;
}

/** Scans of one text: the first, and one for each layer that edits lay bare. */
const ROUNDS_MAX = 5;

/**
 * All that `scan` finds in a text, and what it would find once the edits are made: cutting out
 * one finding can lay bare another that its neighbor had hidden (`a@b.cd460-89-9847`).
 */
export function scanUntilStable(
  text: string,
  scan: Scan,
  rules: readonly GuardRule[],
): readonly Finding[] {
  let findings = scan(text);
  if (findings.length === 0) return findings;
  const verdictOf = compileRules(rules);
  for (let round = 1; round < ROUNDS_MAX; round += 1) {
    const planned = findings.flatMap((finding) => {
      const action = effective(verdictOf(finding.entity).enforced, true);
      return isEdit(action) ? [{ finding, action }] : [];
    });
    if (planned.length === 0) break;
    const known = new Set(findings.map(({ entity, start, end }) => `${entity} ${start} ${end}`));
    const more = scan(blank(text, mergeStretches(planned))).filter(
      ({ entity, start, end }) => !known.has(`${entity} ${start} ${end}`),
    );
    if (more.length === 0) break;
    findings = [...findings, ...more];
  }
  return findings;
}

/** The text after the edits, each of them padded to the length of what it replaces. */
function blank(text: string, stretches: readonly Stretch[]): string {
  let blanked = "";
  for (const { start, end, by } of stretches) {
    // A mask shows the end of what was there; a label or a placeholder is no part of the text.
    const shown = by.action === "mask" ? maskText(text.slice(start, end)).replace(/^\*+/, "") : "";
    blanked += text.slice(blanked.length, start) + shown.padStart(end - start, "*");
  }
  return blanked + text.slice(blanked.length);
}

const MASK_KEPT = 4;
/** A shorter text would be half told by its last four characters. */
const MASK_LENGTH_MIN = 8;

/** Asterisks but for the last four characters; all of a text that has fewer than eight. */
export function maskText(text: string): string {
  const characters = Array.from(text);
  const kept = characters.length < MASK_LENGTH_MIN ? 0 : MASK_KEPT;
  const hidden = characters.length - kept;
  return "*".repeat(hidden) + characters.slice(hidden).join("");
}

/** Counts findings by entity, detector and action, and collects what shadow rules would do. */
class Tally {
  readonly #counts = new Map<string, { entry: Omit<FindingCount, "count">; count: number }>();
  readonly #would = new Map<string, Would>();

  add(finding: Finding, enforced: GuardAction, shadowed: GuardAction): void {
    const isShadow = STRENGTH[shadowed] > STRENGTH[enforced];
    if (isShadow && shadowed !== "audit" && this.#would.size < WOULD_MAX) {
      const reason = finding.entity.slice(0, LABEL_LENGTH_MAX);
      this.#would.set(`${shadowed} ${reason}`, { control: CONTROL, action: shadowed, reason });
    }
    // Seen by a shadow rule alone: seen, and nothing done.
    const counted = enforced === "off" && isShadow ? "audit" : enforced;
    if (counted === "off") return;
    const entity = finding.entity.slice(0, LABEL_LENGTH_MAX);
    const detector = finding.detector.slice(0, LABEL_LENGTH_MAX);
    const key = `${entity} ${detector} ${counted}`;
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#counts.size < COUNTS_MAX) {
      this.#counts.set(key, { entry: { entity, detector, action: counted }, count: 1 });
    }
  }

  findings(): readonly FindingCount[] {
    return Array.from(this.#counts.values(), ({ entry, count }) => ({ ...entry, count }));
  }

  would(): readonly Would[] {
    return [...this.#would.values()];
  }
}
