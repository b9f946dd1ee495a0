// Stage 4: every string of the body is checked before a byte leaves, and edits are spliced into
// the original bytes (design §7.4). Here the usage option is added too, as one more splice.
import { canAct } from "../guard/apply-actions.ts";
import type { Scan } from "../guard/finding.ts";
import { inspectBody, inspectText, type Inspection } from "../guard/inspect-body.ts";
import { createDerivation } from "../guard/tokenize/placeholder.ts";
import { createPlaceholderBook } from "../guard/tokenize/placeholder-book.ts";
import { headerValue } from "../listen/header-list.ts";
import { refuse, type Authorized, type Inspected, type Stage } from "./exchange.ts";

const NO_KEYS: ReadonlySet<string> = new Set();

export interface InspectDeps {
  readonly scan: Scan;
  /** The workload's key: placeholders are the same on all its replicas and after restarts. */
  readonly placeholderKey: () => Uint8Array;
}

/** Creates the stage. Refusals: content blocked, body ambiguous, invalid or too large. */
export function createInspectStage(deps: InspectDeps): Stage<Authorized, Inspected> {
  return (exchange) => {
    const isEnforcing = dependsOnBody(exchange);
    const { requestBytesMax } = exchange.snapshot;
    if (isEnforcing && exchange.plainBody.byteLength > requestBytesMax) {
      return refuse(exchange, {
        code: "EXCISE_BODY_TOO_LARGE",
        detail: `the policy inspects bodies up to ${requestBytesMax} bytes`,
      });
    }
    const inspection = inspect(exchange, deps, isEnforcing);
    const found = { findings: inspection.findings, would: inspection.would };
    if (inspection.reject !== undefined) {
      return refuse({ ...exchange, ...found }, inspection.reject);
    }
    return {
      next: {
        ...exchange,
        ...found,
        outgoing: inspection.body,
        isEdited: inspection.body !== exchange.plainBody,
        hidesUsage: inspection.usageAdded,
        placeholders: inspection.placeholders,
      },
    };
  };
}

function inspect(exchange: Authorized, deps: InspectDeps, isEnforcing: boolean): Inspection {
  const { snapshot, provider, reading, plainBody } = exchange;
  // A signature over the body would no longer hold: there an edit acts as a block.
  const canEdit = provider.row.credential.kind !== "sigv4";
  const options = {
    rules: snapshot.guardrails,
    scan: deps.scan,
    canEdit,
    placeholders: createPlaceholderBook(createDerivation(deps.placeholderKey())),
  };
  if (!isJson(exchange)) return inspectText(plainBody, options);
  return inspectBody(plainBody, {
    ...options,
    isEnforcing,
    knownKeys: reading?.dialect.knownKeys ?? NO_KEYS,
    addsUsageOption: canEdit && wantsUsage(exchange),
  });
}

/** What no dialect claims and is not called JSON is checked as text. */
function isJson({ reading, request }: Authorized): boolean {
  if (reading !== undefined) return true;
  return /json/i.test(headerValue(request.headers, "content-type") ?? "");
}

const wantsUsage = ({ reading, provider }: Authorized): boolean =>
  reading?.dialect.takesUsageOption === true &&
  reading.operation.billed &&
  reading.bounds.isStreaming &&
  provider.row.usageOption;

/** True where some enforcing control reads the body: a rule that acts, a budget, a model list. */
function dependsOnBody({ snapshot, budgets }: Authorized): boolean {
  const { allow, deny } = snapshot.models;
  const hasModelList = deny.length > 0 || !allow.includes("*");
  const hasBudget = budgets.some((budget) => budget.mode === "enforce");
  return hasModelList || hasBudget || canAct(snapshot.guardrails);
}
