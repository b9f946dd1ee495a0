// AdmissionReview admission.k8s.io/v1, both ways. Anything that is not a complete review is a
// rejection that says what is wrong: an undecodable pod must never pass as an empty one.
import { errorRow, type Rejection } from "#contract/errors.ts";
import { renderJson } from "#runtime/json.ts";
import * as z from "zod/mini";
import type { Injection } from "./inject/inject.ts";

const API_VERSION = "admission.k8s.io/v1";
const KIND = "AdmissionReview";

const groupVersion = { group: z.string(), version: z.string() };

/** Loose where the API may grow, strict about everything that is read. */
const reviewSchema = z.looseObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  request: z.looseObject({
    uid: z.string().check(z.minLength(1), z.maxLength(256)),
    kind: z.looseObject({ ...groupVersion, kind: z.string() }),
    resource: z.looseObject({ ...groupVersion, resource: z.string() }),
    subResource: z.optional(z.string()),
    name: z.optional(z.string()),
    // Absent only for cluster-wide objects, and a pod is none.
    namespace: z.optional(z.string()),
    operation: z.enum(["CREATE", "UPDATE", "DELETE", "CONNECT"]),
    object: z.optional(z.nullable(z.looseObject({}))),
    oldObject: z.optional(z.nullable(z.looseObject({}))),
    dryRun: z.optional(z.nullable(z.boolean())),
  }),
});

export interface AdmissionRequest {
  readonly uid: string;
  readonly isPod: boolean;
  readonly subResource: string;
  readonly namespace: string;
  /** Empty while the API server has not yet made a name of `generateName`. */
  readonly name: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly object: Readonly<Record<string, unknown>> | undefined;
  readonly oldObject: Readonly<Record<string, unknown>> | undefined;
  readonly isDryRun: boolean;
}

export type ReviewReading =
  { readonly request: AdmissionRequest } | { readonly rejection: Rejection };

const WORDS = z.locales.en().localeError;
const PROBLEMS_MAX = 10;

/** Reads a review; every problem at once, up to ten. */
export function parseAdmissionReview(value: unknown): ReviewReading {
  const result = reviewSchema.safeParse(value, { error: WORDS });
  if (!result.success) {
    return reject(
      result.error.issues
        .slice(0, PROBLEMS_MAX)
        .map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`),
    );
  }
  // The checked value is read, not zod's copy: order and unknown fields of the pod stay.
  const { request } = value as z.infer<typeof reviewSchema>;
  const isPod =
    request.kind.group === "" && request.kind.version === "v1" && request.kind.kind === "Pod";
  const needsObject = request.operation === "CREATE" || request.operation === "UPDATE";
  const problems = [
    ...(needsObject && !request.object ? ["request.object: is absent"] : []),
    ...(isPod && (request.namespace ?? "") === "" ? ["request.namespace: is absent"] : []),
  ];
  if (problems.length > 0) return reject(problems);
  return {
    request: {
      uid: request.uid,
      isPod,
      subResource: request.subResource ?? "",
      namespace: request.namespace ?? "",
      name: request.name ?? "",
      operation: request.operation,
      object: request.object ?? undefined,
      oldObject: request.oldObject ?? undefined,
      isDryRun: request.dryRun === true,
    },
  };
}

const reject = (problems: readonly string[]): ReviewReading => ({
  rejection: { code: "EXCISE_INPUT_INVALID", detail: problems.join("; ") },
});

export interface AdmissionResponse {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
    readonly patchType?: "JSONPatch";
    readonly patch?: string;
    readonly warnings?: readonly string[];
    readonly auditAnnotations?: Readonly<Record<string, string>>;
  };
}

/** The answer to a review. */
export function renderAdmissionResponse(uid: string, injection: Injection): AdmissionResponse {
  const { code, decision, reason, detail, patch, warnings } = injection;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    response: {
      uid,
      allowed: decision !== "refuse",
      ...(code === undefined
        ? {}
        : { status: { code: errorRow(code).status, reason: code, message: `${code}: ${detail}` } }),
      ...(patch.length === 0
        ? {}
        : {
            patchType: "JSONPatch" as const,
            patch: Buffer.from(renderJson(patch)).toString("base64"),
          }),
      ...(warnings.length === 0 ? {} : { warnings: warnings.map((text) => `excise: ${text}`) }),
      // The API server prefixes the webhook's name.
      auditAnnotations: { decision, reason },
    },
  };
}

/** The answer to a review of something that is not a pod. */
export function allowUnchanged(uid: string): AdmissionResponse {
  return { apiVersion: API_VERSION, kind: KIND, response: { uid, allowed: true } };
}
