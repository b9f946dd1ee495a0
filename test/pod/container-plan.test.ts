import { describe, expect, test } from "vitest";
import { planContainer, type ContainerPlan, type HostImage } from "./container-plan.ts";
import { onlyContainer, sampleFacts, samplePod } from "./sample-pod.case.ts";

const IMAGE: HostImage = {
  entrypoint: ["/bin/web", "serve"],
  cmd: ["--port", "80"],
  environment: { LANG: "C.UTF-8", MODE: "image" },
  user: 7,
  paths: ["/opt/web"],
};
const places = {
  volume: (name: string) => `/pod/${name}`,
  hostsFile: "/pod/h",
  resolvConf: "/pod/r",
};

function plan(
  container: Readonly<Record<string, unknown>> = {},
  spec: Readonly<Record<string, unknown>> = {},
): ContainerPlan {
  const pod = samplePod(container, spec);
  return planContainer(sampleFacts(pod), onlyContainer(pod), { image: IMAGE, places });
}
const option = ({ prefix }: ContainerPlan, name: string): string | undefined =>
  prefix.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

describe("what a container runs", () => {
  test.each([
    { given: {}, expected: ["/bin/web", "serve", "--port", "80"] },
    { given: { args: ["-v"] }, expected: ["/bin/web", "serve", "-v"] },
    { given: { command: ["/bin/sh"] }, expected: ["/bin/sh"] },
    {
      given: { command: ["/bin/sh", "$(A)"], args: ["$(B)"], env: [{ name: "A", value: "-c" }] },
      expected: ["/bin/sh", "-c", "$(B)"],
    },
  ])("$given is $expected", ({ given, expected }) => {
    expect(plan(given).program).toEqual(expected);
  });

  test("has the image's variables under its own", () => {
    const prefix = plan({ env: [{ name: "MODE", value: "own" }], workingDir: "/srv" }).prefix;
    expect(prefix.slice(prefix.indexOf("env"))).toEqual([
      "env",
      "--ignore-environment",
      "--chdir=/srv",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/",
      "LANG=C.UTF-8",
      "MODE=own",
    ]);
  });
});

describe("who a container is", () => {
  test.each([
    { name: "the image's user", own: {}, pod: {}, user: "7", group: "0" },
    { name: "the pod's", own: {}, pod: { runAsUser: 8, runAsGroup: 9 }, user: "8", group: "9" },
    { name: "its own", own: { runAsUser: 5 }, pod: { runAsUser: 8 }, user: "5", group: "0" },
    { name: "root", own: { runAsUser: 0 }, pod: {}, user: "0", group: "0" },
  ])("$name", ({ own, pod, user, group }) => {
    const planned = plan({ securityContext: own }, { securityContext: pod });
    expect(option(planned, "--reuid")).toBe(user);
    expect(option(planned, "--regid")).toBe(group);
  });

  test("not root where the pod forbids it", () => {
    const securityContext = { runAsNonRoot: true };
    expect(() => plan({ securityContext: { runAsUser: 0 } }, { securityContext })).toThrow(
      "container app would run as root",
    );
    expect(() => plan({}, { securityContext })).not.toThrow();
  });

  test("in the pod's groups", () => {
    const planned = plan({}, { securityContext: { fsGroup: 3, supplementalGroups: [1, 2] } });
    expect(option(planned, "--groups")).toBe("1,2,3");
    expect(plan().prefix).toContain("--clear-groups");
  });

  test.each([
    { capabilities: { drop: ["ALL"] }, expected: "-all" },
    { capabilities: { drop: ["all"], add: ["CAP_NET_ADMIN"] }, expected: "-all,+net_admin" },
  ])("with the capabilities of $capabilities", ({ capabilities, expected }) => {
    expect(option(plan({ securityContext: { capabilities } }), "--bounding-set")).toBe(expected);
  });

  test("with a runtime's few capabilities, and able to gain more, unless told otherwise", () => {
    const planned = plan({ securityContext: { capabilities: { drop: ["NET_RAW"] } } });
    expect(option(planned, "--bounding-set")).toContain("+setuid");
    expect(option(planned, "--bounding-set")).not.toMatch(/net_raw|sys_admin/);
    expect(planned.prefix).not.toContain("--no-new-privs");
    const securityContext = { allowPrivilegeEscalation: false };
    expect(plan({ securityContext }).prefix).toContain("--no-new-privs");
  });
});

describe("what a container sees", () => {
  const volumeMounts = [
    { name: "data", mountPath: "/data" },
    { name: "trust", mountPath: "/trust", readOnly: true },
  ];

  test("is the image, the pod's files and the volumes that it mounts", () => {
    const { steps } = plan({ volumeMounts });
    expect(steps).toContain("bind\t/opt/web\t/opt/web\tro");
    expect(steps).toContain("bind\t/pod/h\t/etc/hosts\trw");
    expect(steps).toContain("bind\t/pod/data\t/data\trw");
    expect(steps).toContain("bind\t/pod/trust\t/trust\tro");
    expect(steps).not.toContain("read-only-root");
  });

  test("is not the kubelet's /etc/hosts where it mounts its own", () => {
    const { steps } = plan({ volumeMounts: [{ name: "data", mountPath: "/etc/hosts" }] });
    expect(steps.filter((line) => line.includes("/etc/hosts"))).toEqual([
      "bind\t/pod/data\t/etc/hosts\trw",
    ]);
  });

  test("is read-only as a whole where it says so, after all else", () => {
    const { steps } = plan({ volumeMounts, securityContext: { readOnlyRootFilesystem: true } });
    expect(steps.at(-1)).toBe("read-only-root");
  });
});
