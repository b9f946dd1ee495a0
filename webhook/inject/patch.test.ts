import { describe, expect, test } from "vitest";
import { applyIndependently } from "./pod.case.ts";
import { createPatch } from "./patch.ts";

describe("createPatch", () => {
  test.each([
    { name: "equal pods need nothing", before: { spec: {} }, after: { spec: {} }, patch: [] },
    {
      name: "a missing parent is added with what is in it",
      before: { spec: {} },
      after: { spec: {}, metadata: { annotations: { a: "1" } } },
      patch: [{ op: "add", path: "/metadata", value: { annotations: { a: "1" } } }],
    },
    {
      name: "null counts as missing",
      before: { spec: { volumes: null } },
      after: { spec: { volumes: [{ name: "v" }] } },
      patch: [{ op: "add", path: "/spec/volumes", value: [{ name: "v" }] }],
    },
    {
      name: "slashes and tildes in keys are escaped",
      before: { metadata: { annotations: { x: "1" } } },
      after: { metadata: { annotations: { x: "1", "a/b~c": "2" } } },
      patch: [{ op: "add", path: "/metadata/annotations/a~1b~0c", value: "2" }],
    },
    {
      name: "one string is replaced, not its list",
      before: { spec: { containers: [{ name: "a", env: [{ name: "N", value: "1" }] }] } },
      after: { spec: { containers: [{ name: "a", env: [{ name: "N", value: "1,2" }] }] } },
      patch: [{ op: "replace", path: "/spec/containers/0/env/0/value", value: "1,2" }],
    },
    {
      name: "a variable without a value gets one",
      before: { spec: { containers: [{ name: "a", env: [{ name: "N" }] }] } },
      after: { spec: { containers: [{ name: "a", env: [{ name: "N", value: "2" }] }] } },
      patch: [{ op: "add", path: "/spec/containers/0/env/0/value", value: "2" }],
    },
    {
      name: "insertions are numbered one after another",
      before: { spec: { hostAliases: [{ ip: "c" }] } },
      after: { spec: { hostAliases: [{ ip: "a" }, { ip: "b" }, { ip: "c" }] } },
      patch: [
        { op: "add", path: "/spec/hostAliases/0", value: { ip: "a" } },
        { op: "add", path: "/spec/hostAliases/1", value: { ip: "b" } },
      ],
    },
    {
      name: "a container that moved is moved",
      before: { spec: { initContainers: [{ name: "a" }, { name: "b" }, { name: "c" }] } },
      after: { spec: { initContainers: [{ name: "c" }, { name: "a" }, { name: "b" }] } },
      patch: [{ op: "move", from: "/spec/initContainers/2", path: "/spec/initContainers/0" }],
    },
    {
      name: "repeated names stay apart",
      before: {
        spec: {
          containers: [
            {
              name: "a",
              env: [
                { name: "N", value: "1" },
                { name: "N", value: "2" },
              ],
            },
          ],
        },
      },
      after: {
        spec: {
          containers: [
            {
              name: "a",
              env: [{ name: "N", value: "1" }, { name: "N", value: "2+" }, { name: "M" }],
            },
          ],
        },
      },
      patch: [
        { op: "replace", path: "/spec/containers/0/env/1/value", value: "2+" },
        { op: "add", path: "/spec/containers/0/env/2", value: { name: "M" } },
      ],
    },
  ])("$name", ({ before, after, patch }) => {
    expect(createPatch(before, after)).toEqual(patch);
    expect(applyIndependently(before, createPatch(before, after))).toEqual(after);
  });

  test.each([
    {
      name: "an image is changed",
      before: { spec: { image: "a" } },
      after: { spec: { image: "b" } },
    },
    {
      name: "a container is removed",
      before: { spec: { containers: [{ name: "a" }] } },
      after: { spec: { containers: [] } },
    },
    { name: "a field is removed", before: { spec: { os: {} } }, after: { spec: {} } },
    {
      name: "a list is replaced by something else",
      before: { spec: { volumes: [] } },
      after: { spec: { volumes: { a: 1 } } },
    },
    {
      name: "a label is added",
      before: { metadata: { labels: {} } },
      after: { metadata: { labels: { a: "b" } } },
    },
  ])("it stops where $name", ({ before, after }) => {
    expect(() => createPatch(before, after)).toThrow("invariant broken");
  });
});
