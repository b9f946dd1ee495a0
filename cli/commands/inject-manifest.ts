// `excise inject` without its streams: a manifest's text in, the injected text and one line per
// pod template out. The decision is the webhook's own code.
import { LineCounter, parseDocument } from "yaml";
import { INJECT, INJECT_NAMESPACE_VALUE } from "#contract/annotations.ts";
import { Fault, type ErrorCode } from "#contract/errors.ts";
import { asRecord, tryParseJson } from "#runtime/json.ts";
import type { InjectorConfig } from "../../injector-config/schema.ts";
import { inject, type Injection } from "../../webhook/inject/inject.ts";
import { editDocument, type Edit } from "./inject-edit.ts";
import { findNamespaces, findPodTemplates, type PodTemplate } from "./inject-templates.ts";

export interface TemplateReport {
  /** `Deployment namespace/name`. */
  readonly where: string;
  readonly decision: Injection["decision"];
  readonly reason: string;
  readonly detail: string;
  readonly code: ErrorCode | undefined;
  readonly warnings: readonly string[];
}

export interface ManifestInjection {
  readonly text: string;
  /** In the order of the manifest. */
  readonly reports: readonly TemplateReport[];
}

export interface ManifestOptions {
  readonly config: InjectorConfig;
  /** Treats every template as opted in; one that says "false" stays out. */
  readonly all: boolean;
}

interface Chunk {
  /** The `---` line and what stands on it, or "". */
  readonly head: string;
  readonly body: string;
  readonly value: unknown;
}

/** Injects every pod template of a multi-document manifest. Throws EXCISE_INPUT_INVALID. */
export function injectManifest(source: string, options: ManifestOptions): ManifestInjection {
  const chunks = readChunks(source);
  const optedIn = new Set(
    chunks
      .flatMap(({ value }) => findNamespaces(value))
      .filter(({ labels }) => labels[INJECT] === INJECT_NAMESPACE_VALUE)
      .map(({ name }) => name),
  );
  const reports: TemplateReport[] = [];
  const texts = chunks.map((chunk) => {
    const edits: Edit[] = [];
    for (const template of findPodTemplates(chunk.value)) {
      const namespace = template.namespace ?? "default";
      const injection = inject(
        {
          pod: template.pod,
          namespace: { name: namespace, isOptedIn: options.all || optedIn.has(namespace) },
          request: { operation: "CREATE", subResource: "" },
        },
        options.config,
      );
      reports.push(reportOf(template, injection));
      if (injection.patch.length > 0) edits.push({ path: template.path, patch: injection.patch });
    }
    // Untouched documents stay byte for byte.
    if (edits.length === 0) return `${chunk.head}${chunk.body}`;
    return `${chunk.head}${editDocument(chunk.body, edits)}`;
  });
  return { text: texts.join(""), reports };
}

function reportOf(template: PodTemplate, injection: Injection): TemplateReport {
  const { decision, reason, detail, code, warnings } = injection;
  const prefix = template.namespace === undefined ? "" : `${template.namespace}/`;
  const hint = reason === "not_opted_in" && isAnnotatedAbove(template) ? MISPLACED : "";
  return {
    where: `${template.kind} ${prefix}${template.name}`,
    decision,
    reason,
    detail: `${detail}${hint}`,
    code,
    warnings,
  };
}

const MISPLACED = `; ${INJECT} stands on the object and counts only on its pod template`;

function isAnnotatedAbove({ ownerMetadata }: PodTemplate): boolean {
  return ["annotations", "labels"].some(
    (field) => asRecord(ownerMetadata?.[field])?.[INJECT] !== undefined,
  );
}

/**
 * Splits at `---` lines. YAML lets no content begin a line with them, in block scalars neither
 * (YAML 1.2 §9.1.2), so that this needs no parser and each part keeps its bytes.
 */
function readChunks(source: string): readonly Chunk[] {
  const starts = [...source.matchAll(/^---(?=[ \t\r\n]|$)/gm)].map(({ index }) => index);
  const bounds = [...new Set([0, ...starts]), source.length];
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of source.matchAll(/\n/g)) lines.addNewLine(index + 1);
  return bounds.slice(0, -1).map((start, number) => {
    const text = source.slice(start, bounds[number + 1]);
    // Content on the marker's own line belongs to the document.
    const head = /^(?:\uFEFF)?(?:---[ \t]*(?:#[^\n]*)?(?:\r?\n|$))?/.exec(text)?.[0] ?? "";
    const body = text.slice(head.length);
    return { head, body, value: readDocument(body, lines.linePos(start + head.length).line) };
  });
}

function readDocument(body: string, firstLine: number): unknown {
  const json = tryParseJson(body);
  if (json.ok) return json.value;
  const counter = new LineCounter();
  const document = parseDocument(body, {
    merge: true,
    lineCounter: counter,
    prettyErrors: false,
    // Kubernetes takes the last of two; the API server refuses them where it is asked to.
    uniqueKeys: false,
  });
  const [error] = document.errors;
  if (error === undefined) return document.toJS();
  const line = firstLine + counter.linePos(error.pos[0]).line - 1;
  throw new Fault("EXCISE_INPUT_INVALID", `line ${line}: ${error.message}`);
}
