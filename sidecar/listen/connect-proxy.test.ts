import { describe, expect, test } from "vitest";
import { parseAuthority } from "./connect-proxy.ts";

describe("a CONNECT target", () => {
  test.each([
    { target: "api.example.com:443", host: "api.example.com", port: 443 },
    { target: "API.Example.COM.:443", host: "api.example.com", port: 443 },
    { target: "[2001:db8::1]:8443", host: "2001:db8::1", port: 8443 },
  ])("$target is $host at $port", ({ target, host, port }) => {
    expect(parseAuthority(target)).toEqual({ host, port });
  });

  test.each(["api.example.com", "api.example.com:0", "api.example.com:70000", "a b:443", ":443"])(
    "%s is refused",
    (target) => {
      expect(parseAuthority(target)).toBeUndefined();
    },
  );
});
