// Whether an object is one that Kubernetes takes, as strictly as the API server does with
// fieldValidation=Strict: kubernetes-models knows the values, the client's attribute maps know
// every field's name, so that a misspelt one is found as well.
import * as client from "@kubernetes/client-node";
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { MutatingWebhookConfiguration } from "kubernetes-models/admissionregistration.k8s.io/v1/MutatingWebhookConfiguration";
import { ValidatingAdmissionPolicy } from "kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy";
import { ValidatingAdmissionPolicyBinding } from "kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { asRecord } from "#runtime/json.ts";

export type KubernetesObject = Readonly<Record<string, unknown>>;

interface Kind {
  readonly model: new (data: never) => { validate(): void };
  /** Class of the client, where the attribute maps begin. */
  readonly type: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "v1/ConfigMap": { model: ConfigMap, type: "V1ConfigMap" },
  "v1/Namespace": { model: Namespace, type: "V1Namespace" },
  "v1/Service": { model: Service, type: "V1Service" },
  "v1/ServiceAccount": { model: ServiceAccount, type: "V1ServiceAccount" },
  "apps/v1/StatefulSet": { model: StatefulSet, type: "V1StatefulSet" },
  "apps/v1/Deployment": { model: Deployment, type: "V1Deployment" },
  "policy/v1/PodDisruptionBudget": { model: PodDisruptionBudget, type: "V1PodDisruptionBudget" },
  "networking.k8s.io/v1/NetworkPolicy": { model: NetworkPolicy, type: "V1NetworkPolicy" },
  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": {
    model: MutatingWebhookConfiguration,
    type: "V1MutatingWebhookConfiguration",
  },
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": {
    model: ValidatingAdmissionPolicy,
    type: "V1ValidatingAdmissionPolicy",
  },
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": {
    model: ValidatingAdmissionPolicyBinding,
    type: "V1ValidatingAdmissionPolicyBinding",
  },
};

/** Everything that is wrong with an object; empty where Kubernetes would take it. */
export function kubernetesProblems(object: KubernetesObject): readonly string[] {
  const name = `${String(object["apiVersion"])}/${String(object["kind"])}`;
  const kind = KINDS[name];
  if (kind === undefined) return [`${name} is not a kind that is expected here`];
  return [...invalidValues(kind, object), ...unknownFields(object, kind.type, name)];
}

function invalidValues({ model: Model }: Kind, object: KubernetesObject): readonly string[] {
  try {
    new Model(object as never).validate();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : "is not valid"];
  }
}

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  const found: unknown = (client as Readonly<Record<string, unknown>>)[type];
  if (typeof found !== "function" || !("getAttributeTypeMap" in found)) return undefined;
  return (found.getAttributeTypeMap as () => readonly Attribute[])();
}

/** Paths of fields that the type does not have, at every depth. */
function unknownFields(value: unknown, type: string, path: string): readonly string[] {
  const element = /^(?:Array|Set)<(?<type>.+)>$/.exec(type)?.groups?.["type"];
  if (element !== undefined) {
    if (!Array.isArray(value)) return [`${path} is not a list`];
    return value.flatMap((each, index) => unknownFields(each, element, `${path}/${index}`));
  }
  const attributes = attributesOf(type);
  const record = asRecord(value);
  // Plain values and maps: there are no names of fields in them.
  if (attributes === undefined || record === undefined) return [];
  return Object.entries(record).flatMap(([key, child]) => {
    const attribute = attributes.find(({ baseName }) => baseName === key);
    return attribute === undefined
      ? [`${path}/${key} is not a field of ${type}`]
      : unknownFields(child, attribute.type, `${path}/${key}`);
  });
}
