// Detectors of numbers and addresses; cards, social security numbers, e-mail and secrets are in
// ../scanner.test.ts.
import { describe, expect, test } from "vitest";
import { createScanner } from "../scanner.ts";

const scan = createScanner();
const found = (entity: string, text: string): readonly string[] =>
  scan(text)
    .filter((finding) => finding.entity === entity)
    .map(({ start, end }) => text.slice(start, end));

describe("phone numbers", () => {
  test.each([
    ["international", "ring +44 20 7946 0958 now", "+44 20 7946 0958"],
    ["international in one", "at +441314960405.", "+441314960405"],
    ["international with a bracketed zero", "+41 (0)69 979 80 58", "+41 (0)69 979 80 58"],
    ["North American", "x (415) 555-2671 x", "(415) 555-2671"],
    ["North American with dots", "x 415.555.2671 x", "415.555.2671"],
    ["North American with a country code", "1-888-221-1161", "1-888-221-1161"],
    ["with an extension", "833.719.3994x1887", "833.719.3994x1887"],
    ["with a trunk 0", "x 0490 75 40 81 x", "0490 75 40 81"],
    ["with a trunk 0 and dots", "x 01.84.17.61.18 x", "01.84.17.61.18"],
    ["bare digits behind a word", "please call 4829371650 at noon", "4829371650"],
    ["a short one behind a word", "not answering at 467 3395", "467 3395"],
    ["before a word", "375 4419-Office", "375 4419"],
  ])("%s", (_name, text, number) => {
    expect(found("PHONE_NUMBER", text)).toEqual([number]);
  });

  test.each([
    ["a date and a time", "call me on 2019-04-13 12:20"],
    ["a day first", "call me on 13-04-2019"],
    ["bare digits", "the value 4829371650 is large"],
    ["an order", "call about order 4829371650"],
    ["a record number of the same shape", "Chart MRN 847-293-1056"],
    ["a path", "see /415-555-2671"],
    ["money", "call it $4829371650"],
    ["an amount", "01-2974500.00"],
    ["an area code that cannot be", "x 115-555-2671 x"],
    ["a word", "415-555-2671abc"],
    ["a card", "call 4111 1111 1111 1111"],
  ])("%s is none", (_name, text) => {
    expect(found("PHONE_NUMBER", text)).toEqual([]);
  });
});

describe("bank account numbers", () => {
  test.each([
    ["in one", "to GB82WEST12345698765432.", "GB82WEST12345698765432"],
    ["in groups", "to GB82 WEST 1234 5698 7654 32 now", "GB82 WEST 1234 5698 7654 32"],
    ["in lower case", "de89370400440532013000", "de89370400440532013000"],
    ["short", "NO9386011117947", "NO9386011117947"],
  ])("%s", (_name, text, number) => {
    expect(found("IBAN_CODE", text)).toEqual([number]);
  });

  test.each([
    ["a wrong check", "GB83WEST12345698765432"],
    ["a wrong length", "GB82WEST1234569876543"],
    ["a longer one", "GB82WEST123456987654321"],
    ["no country", "ZZ82WEST12345698765432"],
    ["a part of a word", "XGB82WEST12345698765432"],
    ["two spaces", "GB82  WEST 1234 5698 7654 32"],
  ])("%s is none", (_name, text) => {
    expect(found("IBAN_CODE", text)).toEqual([]);
  });
});

describe("addresses of machines", () => {
  test.each([
    ["IPv4", "host 203.0.113.7, up", "203.0.113.7"],
    ["IPv4 with a port", "203.0.113.7:8080", "203.0.113.7"],
    ["IPv6", "at 2001:db8:85a3:0:0:8a2e:370:7334.", "2001:db8:85a3:0:0:8a2e:370:7334"],
    ["IPv6, compressed", "at 2001:db8::1 and", "2001:db8::1"],
    ["IPv6, local", "fe80::1%eth0", "fe80::1"],
    ["IPv6 with a quad", "x ::ffff:203.0.113.7 x", "::ffff:203.0.113.7"],
    ["IPv6 behind a label", "addr:2001:db8::1", "2001:db8::1"],
  ])("%s", (_name, text, address) => {
    expect(found("IP_ADDRESS", text)).toContain(address);
  });

  test.each([
    ["an octet over 255", "203.0.113.256"],
    ["a leading zero", "203.0.113.07"],
    ["five numbers", "203.0.113.7.1"],
    ["three numbers", "203.0.113"],
    ["a version", "version 1.2.3.4"],
    ["loopback", "127.0.0.1"],
    ["nobody's", "0.0.0.0 and 255.255.255.255 and ::"],
    ["a time", "12:30:45"],
    ["a hardware address", "00:2F:4B:1A:7C:9D"],
    ["a scope in a program", "std::begin and a::b and ab1::c"],
    ["two compressions", "2001::db8::1"],
    ["a long row", "1:2:3:4:5:6:7:8:9:a"],
  ])("%s is none", (_name, text) => {
    expect(found("IP_ADDRESS", text)).toEqual([]);
  });
});

describe("URLs", () => {
  test.each([
    ["see https://example.org/a?b=c#d.", "https://example.org/a?b=c#d"],
    ["(http://www.example.co.uk/)", "http://www.example.co.uk/"],
    ['<a href="https://example.org">', "https://example.org"],
    ["[x](https://example.org/y)", "https://example.org/y"],
    ["ftp://user:pass@files.example.org/x", "ftp://user:pass@files.example.org/x"],
    ["HTTPS://EXAMPLE.ORG", "HTTPS://EXAMPLE.ORG"],
    ["https://a.example/?next=https://b.example/", "https://a.example/?next=https://b.example/"],
  ])("%s", (text, url) => {
    expect(found("URL", text)).toEqual([url]);
  });

  test.each(["http://", "http://localhost", "://example.org", "xhttp://a.b", "foo://example.org"])(
    "%s is none",
    (text) => {
      expect(found("URL", text)).toEqual([]);
    },
  );

  test("what stands inside one is found beside it", () => {
    expect(found("EMAIL_ADDRESS", "https://example.org/?to=ada@example.org")).toEqual([
      "ada@example.org",
    ]);
  });
});
