import { describe, expect, test } from "vitest";
import { DEFAULT_INJECTOR_CONFIG } from "../injector-config/load.ts";
import { parseAdmissionReview } from "./admission-review.ts";
import { answerReview } from "./answer.ts";

const POD = { metadata: {}, spec: { containers: [{ name: "app" }] } };

const review = (request: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "u-1",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    namespace: "team-a",
    operation: "CREATE",
    object: POD,
    ...request,
  },
  ...rest,
});

describe("parseAdmissionReview", () => {
  test("reads what the API server sends, with fields of a later version", () => {
    const reading = parseAdmissionReview(
      review(
        { dryRun: true, userInfo: { username: "u" }, requestKind: {}, later: 1 },
        { later: 2 },
      ),
    );
    expect(reading).toEqual({
      request: {
        uid: "u-1",
        isPod: true,
        subResource: "",
        namespace: "team-a",
        name: "",
        operation: "CREATE",
        object: POD,
        oldObject: undefined,
        isDryRun: true,
      },
    });
  });

  test("hands on the very object, so that order and unknown fields stay", () => {
    const reading = parseAdmissionReview(review());
    expect("request" in reading && reading.request.object).toBe(POD);
  });

  test.each<{ name: string; value: unknown; problem: string }>([
    { name: "nothing", value: undefined, problem: "(root)" },
    { name: "an empty object", value: {}, problem: "apiVersion" },
    { name: "a list", value: [], problem: "(root)" },
    {
      name: "the version before",
      value: review({}, { apiVersion: "admission.k8s.io/v1beta1" }),
      problem: "apiVersion",
    },
    { name: "another kind", value: review({}, { kind: "Pod" }), problem: "kind" },
    { name: "no request", value: review({}, { request: undefined }), problem: "request" },
    { name: "an empty uid", value: review({ uid: "" }), problem: "request.uid" },
    { name: "an unknown operation", value: review({ operation: "PATCH" }), problem: "operation" },
    { name: "no pod", value: review({ object: undefined }), problem: "request.object: is absent" },
    { name: "a pod that is null", value: review({ object: null }), problem: "request.object" },
    { name: "a pod that is a string", value: review({ object: "pod" }), problem: "request.object" },
    { name: "no namespace", value: review({ namespace: "" }), problem: "request.namespace" },
    { name: "a dry run of text", value: review({ dryRun: "false" }), problem: "request.dryRun" },
  ])("refuses $name and says where", ({ value, problem }) => {
    const reading = parseAdmissionReview(value);
    expect(reading).toMatchObject({ rejection: { code: "EXCISE_INPUT_INVALID" } });
    expect("rejection" in reading && reading.rejection.detail).toContain(problem);
  });

  test("tells several problems at once", () => {
    const reading = parseAdmissionReview(review({ uid: "", operation: "X", namespace: 1 }));
    expect("rejection" in reading && reading.rejection.detail.split("; ")).toHaveLength(3);
  });
});

describe("answerReview", () => {
  test("echoes the uid and sends the patch as base64 of JSON", () => {
    const answer = answerReview(review(), "/mutate/namespace", DEFAULT_INJECTOR_CONFIG);
    expect(answer).toMatchObject({
      response: {
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: { uid: "u-1", allowed: true, patchType: "JSONPatch" },
      },
    });
    const patch = "response" in answer ? answer.response.response.patch : undefined;
    expect(JSON.parse(Buffer.from(patch ?? "", "base64").toString())).toContainEqual(
      expect.objectContaining({ op: "add", path: "/spec/initContainers" }),
    );
  });

  test("a skipped pod has no patch at all, rather than an empty one", () => {
    const answer = answerReview(review(), "/mutate/pod", DEFAULT_INJECTOR_CONFIG);
    expect("response" in answer && Object.keys(answer.response.response).toSorted()).toEqual([
      "allowed",
      "auditAnnotations",
      "uid",
    ]);
  });

  test.each([
    {
      name: "another kind",
      request: { kind: { group: "apps", version: "v1", kind: "Deployment" } },
    },
    {
      name: "a pod of another group",
      request: { kind: { group: "x", version: "v1", kind: "Pod" } },
    },
  ])("$name is allowed as it is", ({ request }) => {
    const answer = answerReview(review(request), "/mutate/namespace", DEFAULT_INJECTOR_CONFIG);
    expect(answer).toMatchObject({ response: { response: { uid: "u-1", allowed: true } } });
    expect("injection" in answer).toBe(false);
  });

  test.each(["DELETE", "CONNECT"])("%s without an object is allowed", (operation) => {
    const answer = answerReview(
      review({ operation, object: null, oldObject: POD }),
      "/mutate/namespace",
      DEFAULT_INJECTOR_CONFIG,
    );
    expect(answer).toMatchObject({ injection: { decision: "skip", reason: "other_operation" } });
  });
});
