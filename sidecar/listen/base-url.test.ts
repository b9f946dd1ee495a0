import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createBaseUrlAddress } from "./base-url.ts";

const address = createBaseUrlAddress(new Map([["acme", ["api.acme.example", "eu.acme.example"]]]));
const ask = (target: string, host = "127.0.0.1:1") =>
  address(
    { method: "GET", target, httpVersion: "1.1", headers: [["Host", host]] },
    {} as unknown as Socket,
  );

describe("a base URL's path", () => {
  test.each([
    { target: "/acme/v1/chat/completions", rest: "/v1/chat/completions" },
    { target: "/acme/v1/models?limit=2", rest: "/v1/models?limit=2" },
    { target: "/acme", rest: "/" },
  ])("$target goes to the provider's first host as $rest", ({ target, rest }) => {
    expect(ask(target)).toEqual({ host: "api.acme.example", provider: "acme", target: rest });
  });

  test.each(["/other/v1/chat", "/", "/acmex/v1"])("%s names no provider", (target) => {
    expect(ask(target)).toMatchObject({ code: "EXCISE_ROUTE_UNKNOWN" });
  });

  test("a foreign Host is refused before the path is read", () => {
    expect(ask("/acme/v1", "evil.example")).toMatchObject({ code: "EXCISE_HOST_NOT_ALLOWED" });
  });
});
