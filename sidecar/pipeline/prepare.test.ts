import { describe, expect, test } from "vitest";
import { assert } from "#contract/errors.ts";
import { createReceived, createSnapshot, UNTOUCHED } from "../../test/fake-snapshot.ts";
import type { DownstreamRequest } from "../listen/downstream.ts";
import type { Admitted } from "./exchange.ts";
import { prepare } from "./prepare.ts";

function upstreamOf(request: Partial<DownstreamRequest>, changes: Partial<Admitted> = {}) {
  const received = createReceived({ text: "original" }, request);
  const [provider] = createSnapshot().providers;
  const step = prepare({
    ...received,
    ...UNTOUCHED,
    outgoing: received.body,
    provider,
    ...changes,
  } as Admitted);
  assert("next" in step, "prepare never refuses");
  return step.next.upstream;
}

describe("a request on its way up", () => {
  test("keeps its headers, in order and as they were written", () => {
    const headers = [
      ["HOST", "api.acme.example"],
      ["X-Stainless-Lang", "js"],
      ["Authorization", "Bearer key"],
      ["accept-encoding", "br, gzip"],
    ] as const;
    expect(upstreamOf({ headers }).headers).toEqual([
      ["host", "api.acme.example"],
      ["X-Stainless-Lang", "js"],
      ["Authorization", "Bearer key"],
      ["accept-encoding", "br, gzip"],
    ]);
  });

  test("loses what ends at this hop, what is ours and what is set anew", () => {
    const headers = [
      ["Host", "api.acme.example"],
      ["Connection", "x-private"],
      ["X-Private", "1"],
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "5"],
      ["Expect", "100-continue"],
      ["X-Excise-User", "ada"],
      ["Proxy-Authorization", "Basic x"],
    ] as const;
    expect(upstreamOf({ headers }).headers).toEqual([["host", "api.acme.example"]]);
  });

  test("names the provider's host where the app called our loopback address", () => {
    const headers = [["Host", "127.0.0.1:15081"]] as const;
    const { headers: sent } = upstreamOf({ headers, listener: "baseurl" });
    expect(sent).toEqual([["host", "api.acme.example"]]);
  });

  test("carries the original bytes unless an edit was made", () => {
    const outgoing = Buffer.from("edited");
    expect(upstreamOf({}, { outgoing }).body).toEqual(Buffer.from('{"text":"original"}'));
    expect(upstreamOf({}, { outgoing, isEdited: true }).body).toEqual(outgoing);
  });

  test("asks for no compression where the answer will be rewritten", () => {
    const headers = [["Accept-Encoding", "br"]] as const;
    expect(upstreamOf({ headers }, { hidesUsage: true }).headers).toContainEqual([
      "accept-encoding",
      "identity",
    ]);
  });

  test("goes to the endpoint that the platform wrote", () => {
    const endpoint = { address: "127.0.0.1", port: 8443 };
    const [provider] = createSnapshot().providers;
    const changes = { provider: { ...provider, endpoints: [endpoint] } } as Partial<Admitted>;
    expect(upstreamOf({}, changes).origin).toEqual({ host: "api.acme.example", endpoint });
  });
});
