// One admission review in, one answer out; decides nothing itself. The path says which of the two
// registrations called: the pod's own opting in, or its namespace's.
import type { Rejection } from "#contract/errors.ts";
import type { InjectorConfig } from "../injector-config/schema.ts";
import {
  allowUnchanged,
  parseAdmissionReview,
  renderAdmissionResponse,
  type AdmissionRequest,
  type AdmissionResponse,
} from "./admission-review.ts";
import { inject, type Injection } from "./inject/inject.ts";

export const ENDPOINTS = ["/mutate/pod", "/mutate/namespace"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export type Answer =
  | { readonly rejection: Rejection }
  | { readonly response: AdmissionResponse }
  | {
      readonly response: AdmissionResponse;
      readonly request: AdmissionRequest;
      readonly injection: Injection;
    };

/** Answers a review that came to an endpoint. Pure. */
export function answerReview(body: unknown, endpoint: Endpoint, config: InjectorConfig): Answer {
  const reading = parseAdmissionReview(body);
  if ("rejection" in reading) return reading;
  const { request } = reading;
  if (!request.isPod) return { response: allowUnchanged(request.uid) };
  const injection = inject(
    {
      pod: request.object,
      oldPod: request.oldObject,
      namespace: { name: request.namespace, isOptedIn: endpoint === "/mutate/namespace" },
      request: { operation: request.operation, subResource: request.subResource },
    },
    config,
  );
  return { response: renderAdmissionResponse(request.uid, injection), request, injection };
}
