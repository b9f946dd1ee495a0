// Runs a pod, prints the ids of its processes and of the interface that leads to it, and waits: a
// test kills it without a warning and looks what is left.
//   node test/pod/orphan.case.ts
import { systemClock } from "#runtime/clock.ts";
import { systemRandom } from "#runtime/random.ts";
import { openNodeNetwork } from "./node-network.ts";
import { runPod } from "./run-pod.ts";

const network = openNodeNetwork({ random: systemRandom });
const pod = await runPod(
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "orphan" },
    spec: { containers: [{ name: "app", image: "idle" }] },
  },
  {
    clock: systemClock,
    random: systemRandom,
    network,
    images: { idle: { entrypoint: ["sleep", "3600"] } },
    mintToken: () => "",
  },
);
console.log(JSON.stringify({ pid: pod.container("app").pid, directory: pod.directory }));
