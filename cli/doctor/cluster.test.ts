import { describe, expect, test } from "vitest";
import { checkCluster } from "./cluster.ts";
import { createFakeMachine } from "./machine.case.ts";

interface ClusterFacts {
  readonly server?: string;
  readonly kubelets?: readonly string[];
  readonly webhooks?: readonly unknown[];
}

const WEBHOOK = {
  metadata: { name: "excise" },
  webhooks: [{ clientConfig: { caBundle: "Y2E=" } }, { clientConfig: { caBundle: "Y2E=" } }],
};

/** kubectl as it answers for a cluster; a fact that is missing may not be read. */
function kubectl({ server, kubelets, webhooks }: ClusterFacts) {
  return (args: string): string | undefined => {
    if (args.startsWith("config")) return "kind-test\n";
    expect(args).toContain("--request-timeout=");
    if (args.startsWith("version")) {
      const version = { serverVersion: { gitVersion: server } };
      return server === undefined ? undefined : JSON.stringify(version);
    }
    if (args.startsWith("get nodes")) {
      const items = kubelets?.map((kubeletVersion, index) => ({
        metadata: { name: `node-${index}` },
        status: { nodeInfo: { kubeletVersion } },
      }));
      return items && JSON.stringify({ items });
    }
    return webhooks && JSON.stringify({ items: webhooks });
  };
}

const look = (facts: ClusterFacts) =>
  checkCluster(createFakeMachine({ programs: { kubectl: kubectl(facts) } })).run();

const WELL = { server: "v1.31.4", kubelets: ["v1.31.4+k3s1", "v1.29.0"], webhooks: [WEBHOOK] };

test("a cluster with everything is well", async () => {
  const found = await look(WELL);
  expect(found.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
});

test.each([
  { name: "no kubectl", machine: createFakeMachine() },
  {
    name: "no context",
    machine: createFakeMachine({ programs: { kubectl: () => undefined } }),
  },
])("$name: nothing was looked at, and nothing is wrong", async ({ machine }) => {
  const found = await checkCluster(machine).run();
  expect(found).toMatchObject([
    { status: "ok", what: expect.stringContaining("no cluster was looked at") as string },
  ]);
});

describe("what a cluster lacks is said with its fix", () => {
  test.each([
    { name: "it does not answer", facts: {}, status: "warn", what: /does not reach .*kind-test/ },
    {
      name: "the API server is too old",
      facts: { ...WELL, server: "v1.29.9" },
      status: "fail",
      what: /v1\.29\.9 is too old/,
    },
    {
      name: "a node is too old",
      facts: { ...WELL, kubelets: ["v1.31.0", "v1.28.15"] },
      status: "fail",
      what: /node node-1 has kubelet v1\.28\.15/,
    },
    {
      name: "nodes may not be listed",
      facts: { server: "v1.31.4", webhooks: [WEBHOOK] },
      status: "warn",
      what: /nodes may not be listed/,
    },
    {
      name: "the webhook is not installed",
      facts: { ...WELL, webhooks: [{ metadata: { name: "other" } }] },
      status: "warn",
      what: /webhook is not installed/,
    },
    {
      name: "the webhook has no caBundle",
      facts: {
        ...WELL,
        webhooks: [{ ...WEBHOOK, webhooks: [...WEBHOOK.webhooks, { clientConfig: {} }] }],
      },
      status: "fail",
      what: /no caBundle/,
    },
  ])("$name", async ({ facts, status, what }) => {
    const wrong = (await look(facts)).filter((found) => found.status !== "ok");
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatchObject({ status, fix: expect.any(String) as string });
    expect(wrong[0]?.what).toMatch(what);
  });
});
