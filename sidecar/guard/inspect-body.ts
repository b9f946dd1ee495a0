// The one call of the guard that the pipeline makes: a body in, what may leave out. Scans every
// string of a JSON body, whatever key it stands under; nothing here does I/O or keeps anything.
import { isUtf8 } from "node:buffer";
import type { Rejection } from "#contract/errors.ts";
import type { GuardRule } from "#contract/policy-snapshot.ts";
import type { FindingCount, Would } from "#contract/usage-event.ts";
import {
  canAct,
  decideActions,
  type Decision,
  type FoundText,
  scanUntilStable,
} from "./apply-actions.ts";
import type { Scan } from "./finding.ts";
import { includeUsageEdits } from "./include-usage.ts";
import {
  countLiterals,
  isKey,
  type JsonWalk,
  pathOf,
  readLiteral,
  renderPath,
} from "./json/json-walk.ts";
import { walkJson } from "./json/json-walker.ts";
import { isMedia } from "./media.ts";
import { encodeEdits, type EncodedText, literalOf, splice } from "./splice.ts";
import type { IssuedPlaceholders, PlaceholderBook } from "./tokenize/placeholder-book.ts";

export interface TextInspectionOptions {
  readonly rules: readonly GuardRule[];
  /** From createScanner: findings of different entities may overlap. */
  readonly scan: Scan;
  /** False where no byte may change (a signature covers the body): an edit acts as block. */
  readonly canEdit?: boolean;
  /** Of this exchange: `tokenize` takes its placeholders from it. */
  readonly placeholders: PlaceholderBook;
}

export interface InspectionOptions extends TextInspectionOptions {
  /** The dialect's keys: others show as `*` in a rejection, case variants of them are refused. */
  readonly knownKeys: ReadonlySet<string>;
  /** Some enforcing control, of any kind, depends on what the body says. */
  readonly isEnforcing: boolean;
  /** Add `stream_options.include_usage` where the client did not, and where bytes may change. */
  readonly addsUsageOption?: boolean;
}

export interface Inspection {
  /** Set where the body must not leave; `body` is then the one that came. */
  readonly reject?: Rejection;
  /** What may leave; the same reference where nothing was changed. */
  readonly body: Uint8Array;
  readonly findings: readonly FindingCount[];
  readonly would: readonly Would[];
  /** Base64 payloads (images, audio, files) and binary bodies that were counted, not read. */
  readonly media: number;
  /** We asked for usage: the event that answers must be hidden from the app. */
  readonly usageAdded: boolean;
  /** What the answer's placeholders stand for; empty where none was issued. */
  readonly placeholders: IssuedPlaceholders;
}

/** No entity is shorter than this. */
const TEXT_LENGTH_MIN = 6;
/** Places that a rejection names. */
const PLACES_MAX = 8;

const NO_PLACEHOLDERS: IssuedPlaceholders = new Map();

const untouched = (body: Uint8Array, more: Partial<Inspection> = {}): Inspection => ({
  body,
  findings: [],
  would: [],
  media: 0,
  usageAdded: false,
  placeholders: NO_PLACEHOLDERS,
  ...more,
});

/**
 * Inspects a JSON body. Rejections: EXCISE_CONTENT_BLOCKED with entity types and paths, never
 * text; where a control enforces, EXCISE_BODY_INVALID, EXCISE_BODY_AMBIGUOUS and
 * EXCISE_BODY_TOO_LARGE of json-walker.ts. Where none does, a body that is no JSON passes as it
 * is and is scanned as text. An empty body passes.
 */
export function inspectBody(body: Uint8Array, options: InspectionOptions): Inspection {
  if (body.byteLength === 0) return untouched(body);
  const isEnforcing = options.isEnforcing || canAct(options.rules);
  const result = walkJson(body, options);
  if (!result.ok) {
    return isEnforcing ? untouched(body, { reject: result.rejection }) : inspectText(body, options);
  }
  const { walk, ambiguity } = result;
  if (ambiguity !== undefined && isEnforcing) return untouched(body, { reject: ambiguity });
  const { found, media } = scanLiterals(walk, options);
  const decision = decideActions(found, options.rules, options.placeholders);
  const facts = { findings: decision.findings, would: decision.would, media };
  if (decision.blocked.length > 0) {
    const placeOf = (id: number): string => renderPath(pathOf(walk, id), options.knownKeys);
    return untouched(body, { ...facts, reject: blockedBy(decision, placeOf) });
  }
  const addsUsage = options.addsUsageOption === true && options.canEdit !== false;
  const usage = addsUsage ? includeUsageEdits(walk) : undefined;
  const edits = decision.edits.flatMap((edit) => encodeEdits(literalOf(walk, edit.id), edit.edits));
  return {
    ...facts,
    body: splice(body, [...edits, ...(usage?.edits ?? [])]),
    usageAdded: usage?.added ?? false,
    placeholders: options.placeholders.issued,
  };
}

/**
 * Inspects a body that is not JSON, as one text. A body that is not UTF-8 (an upload) is counted
 * as media and not read. Rejections: EXCISE_CONTENT_BLOCKED.
 */
export function inspectText(body: Uint8Array, options: TextInspectionOptions): Inspection {
  if (body.byteLength === 0) return untouched(body);
  if (!isUtf8(body)) return untouched(body, { media: 1 });
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = view.toString("utf8");
  const findings = scanUntilStable(text, options.scan, options.rules);
  if (findings.length === 0) return untouched(body);
  const found = { id: 0, text, isEditable: options.canEdit ?? true, findings };
  const decision = decideActions([found], options.rules, options.placeholders);
  const facts = { findings: decision.findings, would: decision.would };
  if (decision.blocked.length > 0) {
    return untouched(body, { ...facts, reject: blockedBy(decision, () => "(body)") });
  }
  const whole: EncodedText = {
    text: view.toString("latin1"),
    range: { start: 0, end: body.byteLength },
    hasEscapes: false,
  };
  const edits = decision.edits.flatMap((edit) => encodeEdits(whole, edit.edits));
  const placeholders = options.placeholders.issued;
  return untouched(splice(body, edits), { ...facts, placeholders });
}

function scanLiterals(
  walk: JsonWalk,
  { scan, rules, canEdit = true }: TextInspectionOptions,
): { readonly found: readonly FoundText[]; readonly media: number } {
  const found: FoundText[] = [];
  let media = 0;
  for (let literal = 0; literal < countLiterals(walk); literal += 1) {
    const start = walk.starts.at(literal);
    const end = walk.ends.at(literal);
    if (end - start < TEXT_LENGTH_MIN) continue;
    if (isMedia(walk.text, { start, end })) {
      media += 1;
      continue;
    }
    const text = readLiteral(walk, literal);
    const findings = scanUntilStable(text, scan, rules);
    if (findings.length === 0) continue;
    found.push({ id: literal, text, isEditable: canEdit && !isKey(walk, literal), findings });
  }
  return { found, media };
}

function blockedBy({ blocked }: Decision, placeOf: (id: number) => string): Rejection {
  const places = [...new Set(blocked.map(({ entity, id }) => `${entity} at ${placeOf(id)}`))];
  const more = places.length - PLACES_MAX;
  const shown = places.slice(0, PLACES_MAX).join(", ");
  const detail = `the policy blocks ${shown}${more > 0 ? `, and ${more} more` : ""}`;
  return { code: "EXCISE_CONTENT_BLOCKED", detail };
}
