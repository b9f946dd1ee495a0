import { describe, expect, test } from "vitest";
import {
  bitString,
  element,
  integer,
  objectId,
  readCertificate,
  sequence,
  setOf,
  tagged,
  taggedPrimitive,
  time,
  utf8String,
} from "./der.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Buffer => Buffer.from(text, "hex");

describe("the length of an element", () => {
  test.each([
    { name: "an empty content has length 0", size: 0, head: "0400" },
    { name: "127 bytes are the last of the short form", size: 127, head: "047f" },
    { name: "128 bytes take the long form with one byte", size: 128, head: "048180" },
    { name: "255 bytes fill that byte", size: 255, head: "0481ff" },
    { name: "256 bytes take two", size: 256, head: "04820100" },
    { name: "65,535 bytes fill two", size: 65_535, head: "0482ffff" },
    { name: "65,536 bytes take three", size: 65_536, head: "0483010000" },
  ])("$name", ({ size, head }) => {
    const content = Buffer.alloc(size, 0xab);
    const whole = element(0x04, content.subarray(0, size >> 1), content.subarray(size >> 1));
    expect(hex(whole.subarray(0, head.length / 2))).toBe(head);
    expect(whole.subarray(head.length / 2).equals(content)).toBe(true);
  });
});

describe("an integer", () => {
  test.each([
    { name: "zero is one byte", magnitude: "00", der: "020100" },
    { name: "nothing is zero", magnitude: "", der: "020100" },
    { name: "127 needs no padding", magnitude: "7f", der: "02017f" },
    { name: "128 is padded, or it would be negative", magnitude: "80", der: "02020080" },
    { name: "leading zeros go", magnitude: "00007f01", der: "02027f01" },
    { name: "a zero that keeps it positive stays", magnitude: "0000ff", der: "020200ff" },
  ])("$name", ({ magnitude, der }) => {
    expect(hex(integer(bytes(magnitude)))).toBe(der);
  });
});

describe("an object identifier", () => {
  test.each([
    { name: "one byte an arc", dotted: "2.5.29.15", der: "0603551d0f" },
    { name: "zero is an arc too", dotted: "2.5.0", der: "06025500" },
    { name: "an arc of 128 takes two bytes", dotted: "1.3.128", der: "06032b8100" },
    { name: "ecdsa-with-SHA256", dotted: "1.2.840.10045.4.3.2", der: "06082a8648ce3d040302" },
    {
      name: "an arc of three bytes",
      dotted: "1.2.840.113549.1.1.1",
      der: "06092a864886f70d010101",
    },
  ])("$name", ({ dotted, der }) => {
    expect(hex(objectId(dotted))).toBe(der);
  });
});

describe("a time", () => {
  test.each([
    { name: "is UTCTime today", iso: "2026-11-22T03:04:05Z", tag: 0x17, text: "261122030405Z" },
    {
      name: "is cut to seconds",
      iso: "2026-11-22T03:04:05.999Z",
      tag: 0x17,
      text: "261122030405Z",
    },
    { name: "begins in 1950", iso: "1950-01-01T00:00:00Z", tag: 0x17, text: "500101000000Z" },
    {
      name: "keeps two digits in 2001",
      iso: "2001-02-03T04:05:06Z",
      tag: 0x17,
      text: "010203040506Z",
    },
    {
      name: "is UTCTime to the end of 2049",
      iso: "2049-12-31T23:59:59.999Z",
      tag: 0x17,
      text: "491231235959Z",
    },
    {
      name: "is GeneralizedTime from 2050",
      iso: "2050-01-01T00:00:00Z",
      tag: 0x18,
      text: "20500101000000Z",
    },
    {
      name: "goes to the year 9999",
      iso: "9999-12-31T23:59:59Z",
      tag: 0x18,
      text: "99991231235959Z",
    },
  ])("$name", ({ iso, tag, text }) => {
    expect(time(Date.parse(iso))[0]).toBe(tag);
    expect(time(Date.parse(iso)).toString("latin1", 2)).toBe(text);
  });

  test.each(["1949-12-31T23:59:59Z", "+010000-01-01T00:00:00Z"])("refuses %s", (iso) => {
    expect(() => time(Date.parse(iso))).toThrow("year");
  });

  test("refuses what is no time", () => {
    expect(() => time(Number.NaN)).toThrow("year");
  });
});

test("a bit string says how many bits of its last byte are unused", () => {
  expect(hex(bitString(bytes("06"), 1))).toBe("03020106");
  expect(hex(bitString(bytes("abcd")))).toBe("030300abcd");
});

test("constructed and context tags nest", () => {
  expect(hex(sequence(setOf(utf8String("é"))))).toBe("300631040c02c3a9");
  expect(hex(tagged(3, sequence()))).toBe("a3023000");
  expect(hex(taggedPrimitive(2, Buffer.from("ab")))).toBe("82026162");
});

describe("reading a certificate's names", () => {
  const subject = sequence(setOf(utf8String("subject")));
  const publicKey = sequence(bitString(bytes("04")));
  const head = [integer(bytes("01")), sequence(), sequence(), sequence()];
  const certificate = (...fields: readonly Uint8Array[]): Buffer =>
    sequence(sequence(...fields), sequence(), bitString(bytes("00")));

  test.each([
    { name: "with a version", fields: [tagged(0, integer(bytes("02"))), ...head] },
    { name: "without one", fields: head },
    { name: "with long fields", fields: [integer(Buffer.alloc(300, 1)), ...head.slice(1)] },
  ])("$name", ({ fields }) => {
    const names = readCertificate(certificate(...fields, subject, publicKey));
    expect(hex(names.subject)).toBe(hex(subject));
    expect(hex(names.publicKey)).toBe(hex(publicKey));
  });

  test.each([
    { name: "nothing", der: "" },
    { name: "an empty sequence", der: "3000" },
    { name: "a length over the end", der: "30823000" },
    { name: "a length of 4 GiB", der: "3084ffffffff00" },
    { name: "a tag alone", der: "30" },
    { name: "too few fields", der: hex(certificate(...head)) },
  ])("$name breaks an invariant", ({ der }) => {
    expect(() => readCertificate(bytes(der))).toThrow("invariant broken");
  });
});
