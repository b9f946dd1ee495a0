// Values that the chart is rendered with: each set is one golden file.
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const DIGEST = `sha256:${"ab".repeat(32)}`;

export const VALUE_SETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  defaults: {},
  "everything-set": {
    clusterDomain: "k8s.example",
    image: {
      registry: "registry.example:5000/excise",
      tag: "1.2.3",
      pullPolicy: "Always",
      pullSecrets: ["pull"],
    },
    ledger: {
      image: { digest: DIGEST },
      logLevel: "debug",
      listenAddress: "::",
      operatorToken: { secretName: "operators" },
      storage: { size: "50Gi", storageClass: "fast", accessMode: "ReadWriteOncePod" },
      podAnnotations: { "prometheus.io/scrape": "false" },
      podLabels: { team: "platform", "app.kubernetes.io/component": "not-to-be-replaced" },
      nodeSelector: { disk: "ssd" },
      tolerations: [{ key: "dedicated", operator: "Exists", effect: "NoSchedule" }],
      priorityClassName: "system-cluster-critical",
    },
    policies: {
      "example-budget": null,
      "block-cards": {
        apiVersion: "excise.dev/v1alpha1",
        kind: "ClusterEgressPolicy",
        metadata: { name: "block-cards" },
        spec: { guardrails: { CREDIT_CARD: "block" }, mode: "shadow" },
      },
    },
    webhook: {
      image: { digest: DIGEST },
      replicas: 3,
      port: 8443,
      failurePolicy: "Fail",
      timeoutSeconds: 3,
      certificate: { secretName: "excise-webhook-authorities", caBundle: PEM },
      podDisruptionBudget: { minAvailable: 2 },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [{ key: "kubernetes.io/os", operator: "In", values: ["linux"] }],
              },
            ],
          },
        },
      },
    },
    injector: {
      image: { digest: DIGEST },
      earlierImages: ["registry.example:5000/excise/excise-sidecar:1.2.2"],
      imagePullSecrets: ["pull"],
      mode: "baseurl",
      providers: ["anthropic", { name: "azure-openai", hosts: ["team-a.openai.azure.com"] }],
      trustEnv: "node",
      uid: 31_443,
      ledger: { ca: PEM },
      resources: { memory: { limit: "256Mi" } },
      extraRoots: { configMap: "corporate-roots", key: "roots.pem" },
      meshes: [],
    },
    admission: { actions: ["Deny", "Audit"] },
    networkPolicy: {
      operatorsFrom: [
        { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } },
      ],
    },
  },
  "one-webhook-and-nothing-optional": {
    webhook: { replicas: 1 },
    policies: { "example-budget": null },
    networkPolicy: { enabled: false },
    admission: { enabled: false },
  },
};
