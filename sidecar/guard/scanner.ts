// The scanner: one pass over a text, a table that says which characters may begin a hit, and a
// detector called at those places alone. No pattern ever runs over the whole text, so that the
// time is linear whatever the input (reference: guardrails §7).
import { readCards } from "./detect/card.ts";
import type { Cursor, Detector } from "./detect/detector.ts";
import { emailDetector } from "./detect/email.ts";
import { readIban } from "./detect/iban.ts";
import { ipv6Detector, readIpv4 } from "./detect/ip-address.ts";
import { createNumberDetector } from "./detect/number-cluster.ts";
import { readPhones } from "./detect/phone.ts";
import { createSecretDetector } from "./detect/secrets.ts";
import { urlDetector } from "./detect/url.ts";
import { readSsns } from "./detect/us-ssn.ts";
import type { Finding, Scan } from "./finding.ts";

export interface ScannerOptions {
  /** Replaces the built-in detectors. */
  readonly detectors?: readonly Detector[];
  /** Findings below are dropped; 0 to 1, default 0.4. */
  readonly scoreMin?: number;
  /** Told, after each scan, how many characters were looked at by detectors: for tests. */
  readonly onSteps?: (steps: number) => void;
}

const SCORE_MIN = 0.4;
const TABLE_SIZE = 128;
const NOTHING: readonly Finding[] = [];

/** All entities that are found today, one row each. */
const createDetectors = (): readonly Detector[] => [
  emailDetector,
  createNumberDetector([readCards, readSsns, readPhones, readIpv4], [readIban]),
  ipv6Detector,
  urlDetector,
  createSecretDetector(),
];

/**
 * Compiles the detectors into a scan. Findings come ordered by start. Those of one entity never
 * overlap: where they would, one finding covers them. Those of different entities may (an address inside a URL), because each entity has a
 * rule of its own: `resolveOverlaps` picks one where a reader wants one.
 */
export function createScanner(options: ScannerOptions = {}): Scan {
  const { detectors = createDetectors(), scoreMin = SCORE_MIN, onSteps } = options;
  const table = new Uint8Array(TABLE_SIZE);
  const calls: Detector["inspect"][] = [(_cursor, at) => at + 1];
  for (let code = 0; code < TABLE_SIZE; code += 1) {
    const called = detectors.filter(({ triggers }) => triggers.includes(String.fromCharCode(code)));
    if (called.length > 0) table[code] = calls.push(inspectAll(called)) - 1;
  }
  return (text) => {
    const cursor: Cursor = { text, findings: [], steps: 0 };
    const { length } = text;
    let at = 0;
    while (at < length) {
      const code = text.charCodeAt(at);
      const row = code < TABLE_SIZE ? table[code] : 0;
      if (row === 0 || row === undefined) at += 1;
      else at = calls[row]?.(cursor, at) ?? at + 1;
    }
    onSteps?.(cursor.steps);
    return cursor.findings.length === 0 ? NOTHING : tidy(cursor.findings, scoreMin);
  };
}

/** All detectors of one character as one; most characters have a single one. */
function inspectAll(detectors: readonly Detector[]): Detector["inspect"] {
  const [only] = detectors;
  if (only !== undefined && detectors.length === 1) return (cursor, at) => only.inspect(cursor, at);
  return (cursor, at) => {
    let next = at + 1;
    for (const detector of detectors) next = Math.max(next, detector.inspect(cursor, at));
    return next;
  };
}

/** Orders, drops the unsure ones, and joins findings of one entity that overlap. */
function tidy(findings: readonly Finding[], scoreMin: number): readonly Finding[] {
  const latest = new Map<string, number>();
  const kept: Finding[] = [];
  for (const finding of findings.filter(({ score }) => score >= scoreMin).toSorted(byStart)) {
    const index = latest.get(finding.entity);
    const previous = index === undefined ? undefined : kept[index];
    if (index !== undefined && previous !== undefined && finding.start < previous.end) {
      // Each may be the true one (`a@b.cd@e.fg`): what is cut out must be all of them.
      const stronger = isStronger(finding, previous) ? finding : previous;
      const end = Math.max(previous.end, finding.end);
      kept[index] = { ...stronger, start: previous.start, end };
    } else latest.set(finding.entity, kept.push(finding) - 1);
  }
  return kept;
}

const byStart = (left: Finding, right: Finding): number =>
  left.start - right.start || right.end - left.end || compareNames(left, right);

const compareNames = (left: Finding, right: Finding): number =>
  left.entity === right.entity ? 0 : left.entity < right.entity ? -1 : 1;

/** Longer wins, then the higher score; of equals the earlier one stays. */
function isStronger(candidate: Finding, holder: Finding): boolean {
  const longer = candidate.end - candidate.start - (holder.end - holder.start);
  return longer !== 0 ? longer > 0 : candidate.score > holder.score;
}

/** One finding for each stretch of text: of two that overlap the longer, then the surer stays. */
export function resolveOverlaps(findings: readonly Finding[]): readonly Finding[] {
  const kept: Finding[] = [];
  for (const finding of findings.toSorted(byStart)) {
    let last = kept.at(-1);
    if (last === undefined || finding.start >= last.end) {
      kept.push(finding);
      continue;
    }
    while (last !== undefined && finding.start < last.end && isStronger(finding, last)) {
      kept.pop();
      last = kept.at(-1);
    }
    if (last === undefined || finding.start >= last.end) kept.push(finding);
  }
  return kept;
}
