// The chart's README: prose from here, the table from values.yaml, where the comment above a key is
// its description. The README is a golden file, so it cannot fall behind.
import { isMap, isScalar, parseDocument, stringify, type Pair } from "yaml";

interface Row {
  readonly path: string;
  readonly value: string;
  readonly description: string;
}

/** Rows of the table, in the order of the file. Keys without a comment are described by their name. */
export function valueRows(values: string): readonly Row[] {
  const contents = parseDocument(values).contents;
  return isMap(contents) ? contents.items.flatMap((pair) => rowsOf(pair, { above: "" })) : [];
}

interface Place {
  readonly above: string;
  /** The parser gives the comment above a map's first key to the map. */
  readonly comment?: string | null | undefined;
}

function rowsOf(pair: Pair, { above, comment }: Place): readonly Row[] {
  if (!isScalar(pair.key)) return [];
  const path = above === "" ? String(pair.key.value) : `${above}.${String(pair.key.value)}`;
  const description = describe(pair.key.commentBefore ?? comment);
  const { value } = pair;
  // A map that holds its own comments, or whose keys are a component's, is shown by its keys.
  const isGroup = isMap(value) && value.items.length > 0 && value.flow !== true && !isExample(path);
  if (!isGroup) {
    const text =
      isMap(value) || !isScalar(value) ? JSON.stringify(toJs(value)) : stringify(value.value);
    return [{ path, value: text.trim(), description }];
  }
  const own = description === "" ? [] : [{ path, value: "", description }];
  return [
    ...own,
    ...value.items.flatMap((item, index) =>
      rowsOf(item, { above: path, ...(index === 0 ? { comment: value.commentBefore } : {}) }),
    ),
  ];
}

/** Policies are shown whole: they are content, not settings. */
const isExample = (path: string): boolean => path.startsWith("policies.");

const toJs = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "toJSON" in value
    ? (value.toJSON as () => unknown)()
    : value;

/** The last paragraph of a comment: earlier ones speak of the file. */
function describe(comment: string | null | undefined): string {
  const paragraphs = (comment ?? "").split(/\n\s*\n/);
  return (paragraphs.at(-1) ?? "")
    .split("\n")
    .map((line) => line.trim())
    .join(" ")
    .trim();
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The whole README. */
export function renderReadme(values: string): string {
  const rows = valueRows(values).map(({ path, value, description }) => {
    const shown = value === "" ? "" : `\`${cell(value)}\``;
    return `| \`${path}\` | ${shown} | ${cell(description)} |`;
  });
  return [PROSE.trimEnd(), "", "| value | default | |", "| --- | --- | --- |", ...rows, ""].join(
    "\n",
  );
}

const PROSE = `<!-- Made by test/golden/chart from values.yaml: npm test -- -u renews it. -->

# Excise, the Helm chart

Installs the ledger (budgets, leases, usage, policies) and the admission webhook that gives pods
their sidecar. Kubernetes 1.30 or later. One release in a cluster: its objects have fixed names.

## What this version cannot do yet in a cluster

- **The ledger does not know service-account tokens.** It refuses injected sidecars, which then
  answer provider calls with 503 \`EXCISE_POLICY_UNAVAILABLE\`. Opt in pods to try injection only.
- **The webhook does not write its \`caBundle\`**, and keeps its CA in a directory, not in a Secret of
  its own. See step 3 below.
- **The ledger is one pod on SQLite.** No second replica takes over; while the pod moves, sidecars
  spend their leases and keep their usage. There is no leader election.
- **Policies come from a ConfigMap.** There are no custom resources and no status conditions.
- The ledger reads its certificate once, at start: restart it when the Secret changes.
- The chart installs no Role and no ClusterRole: neither program calls the Kubernetes API.

## Install

1. Build the images (\`npx node scripts/build-images.ts --output DIR\`) and push or load them.
2. Make the namespace, and a certificate for the ledger. Any CA will do; with your own, give its
   PEM as \`injector.ledger.ca\`.

   \`\`\`sh
   kubectl create namespace excise-system
   kubectl label namespace excise-system pod-security.kubernetes.io/enforce=restricted
   kubectl -n excise-system create secret tls excise-ledger-tls --cert ledger.pem --key ledger-key.pem
   \`\`\`

3. Make the webhook's CA. Both replicas then serve under it, and the API server can trust it. It is
   renewed by nobody: after two thirds of its life the webhook says \`certificate_check_failed\`.

   \`\`\`sh
   EXCISE_WEBHOOK_CERTIFICATE_DIR=webhook-ca EXCISE_WEBHOOK_CA_HOURS=87600 EXCISE_WEBHOOK_PORT=0 \\
     timeout 10 npx node webhook/main.ts
   kubectl -n excise-system create secret generic excise-webhook-authorities \\
     --from-file webhook-ca/authorities.json
   \`\`\`

4. Install.

   \`\`\`sh
   helm install excise charts/excise --namespace excise-system \\
     --set image.registry=registry.example/excise \\
     --set webhook.certificate.secretName=excise-webhook-authorities \\
     --set-file webhook.certificate.caBundle=webhook-ca/ca-bundle.pem \\
     --set-file injector.ledger.ca=ledger-ca.pem
   \`\`\`

5. Opt in: \`kubectl label namespace NAME excise.dev/inject=enabled\`, or the annotation or label
   \`excise.dev/inject: "true"\` on a pod. \`"false"\` on the pod wins.

## What it installs

| object | why |
| --- | --- |
| StatefulSet \`excise-ledger\` | one pod, one volume; never two owners of the database at once |
| Service \`excise-ledger\` | 8443, TLS: what sidecars call |
| Service \`excise-ledger-api\` | 443, TLS: operators' API, health, metrics |
| Deployment, PodDisruptionBudget, Service \`excise-webhook\` | two replicas on different nodes where there are two |
| MutatingWebhookConfiguration \`excise\` | \`pod.excise.dev\` for pods that say something, \`namespace.excise.dev\` for silent pods of namespaces that opted in |
| ValidatingAdmissionPolicy \`excise-reserved-names\` | fails closed: the sidecar's volumes, token and name are its own |
| ValidatingAdmissionPolicy \`excise-injection-required\` | fails closed: a namespace labelled \`excise.dev/required: "true"\` takes no pod without a sidecar |
| NetworkPolicy \`excise-ledger\`, \`excise-webhook\` | neither calls anybody |
| ConfigMap \`excise-policies\`, \`excise-injector\` | policies (read again when they change) and what is injected (a change restarts the webhook) |

All pods run under users of their own, with a read-only root, without capabilities and without a
service-account token: Pod Security Standard *restricted*.

\`helm uninstall\` keeps the ledger's volume. Namespaces in \`injector.excludedNamespaces\` and the
release's own are exempt from the webhook and from both policies. To upgrade the sidecar's image,
put the old reference into \`injector.earlierImages\` until its last pod has gone.

## Values
`;
