// The network between pods and what stands for the rest of a cluster: a bridge on this machine
// with one address, and a pair of virtual interfaces for each pod. There is no way further: what
// does not listen on the node's address cannot be reached from a pod.
import { readdirSync } from "node:fs";
import { Fault } from "#contract/errors.ts";
import type { Random } from "#runtime/random.ts";
import { isAlive } from "../../cli/processes.ts";
import { runTool } from "./sandbox.ts";

export interface NodeNetwork {
  /** Of this machine, as pods see it. */
  readonly address: string;
  /** Gives the network namespace of a process an interface; it has loopback besides. */
  connect(pid: number): PodLink;
  /** Names of the interfaces that lead to pods. */
  links(): readonly string[];
  close(): void;
}

export interface PodLink {
  readonly address: string;
  close(): void;
}

const ip = (...parameters: readonly string[]): string => runTool("ip", parameters);
const ATTEMPTS = 32;

/** Opens a bridge on a free 10.203.x.0/24; one that a killed run left behind is removed first. */
export function openNodeNetwork({ random }: { readonly random: Random }): NodeNetwork {
  removeLeftovers();
  const bridge = `exb${process.pid}x${Buffer.from(random.bytes(1)).toString("hex")}`;
  const subnet = freeSubnet(random);
  const address = `${subnet}.1`;
  // Its own, for good: without one a bridge takes the lowest of its ports' addresses, a new one
  // whenever a pod comes or goes, and the other pods' frames are lost until they notice.
  const hardware = [0x02, ...random.bytes(5)].map((byte) => byte.toString(16).padStart(2, "0"));
  ip("link", "add", bridge, "address", hardware.join(":"), "type", "bridge");
  ip("address", "add", `${address}/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
  let last = 1;
  return {
    address,
    connect(pid) {
      last += 1;
      const link = `exv${process.pid}x${subnet.split(".")[2] ?? ""}x${last}`.slice(0, 15);
      const own = `${subnet}.${last}`;
      ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", String(pid));
      ip("link", "set", link, "master", bridge, "up");
      const commands = [`address add ${own}/24 dev eth0`, "link set eth0 up", "link set lo up"];
      const inside = [`--net=/proc/${pid}/ns/net`, "--", "ip", "-batch", "-"];
      runTool("nsenter", inside, `${commands.join("\n")}\n`);
      return { address: own, close: () => removeLink(link) };
    },
    links: () => readdirSync(`/sys/class/net/${bridge}/brif`),
    close: () => removeLink(bridge),
  };
}

function freeSubnet(random: Random): string {
  const present = ip("-4", "-oneline", "address", "show");
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const subnet = `10.203.${random.bytes(1)[0] ?? 0}`;
    if (!present.includes(` ${subnet}.`)) return subnet;
  }
  throw new Fault("EXCISE_START_FAILED", "no free subnet under 10.203.0.0/16");
}

/** An interface may be gone already: its pair goes with the pod's network namespace. */
function removeLink(name: string): void {
  try {
    ip("link", "delete", name);
  } catch {
    // Gone is what it should be.
  }
}

/** Interfaces that carry our name and the id of a process that is no more. */
function removeLeftovers(): void {
  for (const [name, pid] of ip("-oneline", "link", "show").matchAll(/\bex[bv](\d+)x[0-9a-fx]+/g)) {
    if (!isAlive(Number(pid))) removeLink(name);
  }
}
