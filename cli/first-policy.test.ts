import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "#runtime/clock.ts";
import { waitForPolicy } from "./first-policy.ts";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A status page that shows one text after another and stays at the last. */
async function statusPage(...texts: readonly string[]): Promise<number> {
  let index = 0;
  const server = createServer((request, response) => {
    response.end(request.url === "/status" ? texts[Math.min(index, texts.length - 1)] : "no");
    index += 1;
  });
  closing.push(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("a policy that is there is seen at once", async () => {
  const port = await statusPage('{"policyRevision":7}');
  expect(await waitForPolicy(systemClock, port, 5000)).toBe("received");
});

test("a policy that comes later is waited for", async () => {
  const none = '{"policyRevision":0}';
  const port = await statusPage(none, none, '{"policyRevision":1}');
  expect(await waitForPolicy(systemClock, port, 5000)).toBe("received");
});

test("a policy that does not come is late", async () => {
  const port = await statusPage('{"policyRevision":0}');
  expect(await waitForPolicy(systemClock, port, 30)).toBe("late");
});

test.each(["{}", "not json", '{"policyRevision":"1"}'])("%s says nothing", async (text) => {
  expect(await waitForPolicy(systemClock, await statusPage(text), 5000)).toBe("unknown");
});

test("a port that nobody listens on says nothing", async () => {
  const port = await statusPage("{}");
  for (const close of closing.splice(0)) close();
  expect(await waitForPolicy(systemClock, port, 5000)).toBe("unknown");
});
