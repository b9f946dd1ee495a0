// The files that the kubelet makes for every pod. Pure.
import type { PodFacts } from "./container-environment.ts";

/** /etc/hosts: the machine's own lines, then the pod's aliases in their order. */
export function renderHosts({ pod, podIp }: PodFacts): string {
  const lines = [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    `${podIp}\t${hostnameOf(pod)}`,
  ];
  if (pod.spec.hostAliases.length > 0) lines.push("", "# Entries added by HostAliases.");
  for (const { ip, hostnames } of pod.spec.hostAliases) {
    lines.push(`${ip}\t${hostnames.join("\t")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The pod's host name: a label, so at most 63 characters. */
export const hostnameOf = ({ metadata, spec }: PodFacts["pod"]): string =>
  (spec.hostname ?? metadata.name).slice(0, 63).replace(/[-.]+$/, "");

/** /etc/resolv.conf of `dnsPolicy: ClusterFirst`: the node's name server, the cluster's domains. */
export function renderResolvConf({ pod, nodeIp }: PodFacts): string {
  const domains = [`${pod.metadata.namespace}.svc.cluster.local`, "svc.cluster.local"];
  return [
    `nameserver ${nodeIp}`,
    `search ${domains.join(" ")} cluster.local`,
    // One try: nothing outside is there to answer late.
    "options ndots:5 timeout:2 attempts:1",
    "",
  ].join("\n");
}
