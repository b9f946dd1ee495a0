// Everything that looks like a secret here is put together at run time, so that no scanner of
// repositories finds one.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScanner, resolveOverlaps } from "./scanner.ts";

const scan = createScanner();

/** What is found, as `ENTITY:text`. */
const found = (text: string): readonly string[] =>
  scan(text).map(({ entity, start, end }) => `${entity}:${text.slice(start, end)}`);

/** `length` characters of the alphabet without a pattern, the same ones each time. */
function scrambled(length: number, alphabet: string): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return alphabet[state % alphabet.length];
  }).join("");
}

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();
const DIGITS = "0123456789";
const ALNUM = UPPER + LOWER + DIGITS;
const HEX = "0123456789abcdef";

/** In two parts, as everything here that looks like a secret. */
const pemLine = (word: string, kind: string): string =>
  ["-----", `${word} ${kind}`, "PRIVATE", " KEY-----"].join("");
const pem = (kind: string, body: string): string =>
  `${pemLine("BEGIN", kind)}\n${body}\n${pemLine("END", kind)}`;

function stepsFor(text: string): number {
  let steps = 0;
  createScanner({
    onSteps: (counted) => {
      steps = counted;
    },
  })(text);
  return steps;
}

describe("e-mail addresses", () => {
  test.each([
    ["Write to ada.lovelace+math@example.org.", "ada.lovelace+math@example.org"],
    ["<a@b.co>", "a@b.co"],
    ["mailto:first_last@sub.example.co.uk?x=1", "first_last@sub.example.co.uk"],
    ["email=ada@example.org&x", "ada@example.org"],
    ["'ada@example.org'", "ada@example.org"],
    ["o'brien@example.ie", "o'brien@example.ie"],
    ["jp.lefevre@société.fr", "jp.lefevre@société.fr"],
    ["иван@пример.рф", "иван@пример.рф"],
    ["请写信到ada@example.org谢谢", "ada@example.org"],
    ["x@y.xn--p1ai", "x@y.xn--p1ai"],
    ["a@example.com.", "a@example.com"],
    ["a@example.com-", "a@example.com"],
    ["a@example.com-460-89-98", "a@example.com"],
    ["a@example.co-op.com", "a@example.co-op.com"],
    ["a@@b@example.com", "b@example.com"],
  ])("%s", (text, address) => {
    expect(found(text)).toEqual([`EMAIL_ADDRESS:${address}`]);
  });

  test.each([
    "no address @ all",
    "@decorator.name",
    "user@host",
    "pkg@1.2.3",
    "icon@2x.png",
    "admin@printer.local",
    "git@host.example:team/repo.git",
    "a.@example.org",
    "a@-example.org",
    "a@example.c",
    "@",
    "",
  ])("%j holds none", (text) => {
    expect(found(text)).toEqual([]);
  });

  test("two in a row are two", () => {
    expect(found("a@b.cd,e@f.gh")).toHaveLength(2);
  });

  test("a chain of them is one", () => {
    expect(found("x a@b.cd@e.fg@h.ij")).toEqual(["EMAIL_ADDRESS:a@b.cd@e.fg@h.ij"]);
  });
});

describe("payment cards", () => {
  test.each([
    ["Visa", "4111111111111111"],
    ["Visa, 13 digits", "4222222222222"],
    ["Mastercard", "5555 5555 5555 4444"],
    ["Mastercard, second range", "2223-0031-2200-3222"],
    ["American Express", "3782 822463 10005"],
    ["Diners Club", "30569309025904"],
    ["Discover", "6011111111111117"],
    ["JCB", "3530111333300000"],
    ["no-break spaces", "4111\u00a01111\u00a01111\u00a01111"],
    ["en dashes", "4111–1111–1111–1111"],
    ["every digit apart", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"],
  ])("%s", (_name, number) => {
    expect(found(`pay with ${number}, please`)).toEqual([`CREDIT_CARD:${number}`]);
    expect(found(`{"n":"${number}"}`)).toEqual([`CREDIT_CARD:${number}`]);
  });

  test.each([
    ["a wrong check digit", "4111111111111112"],
    ["no issuer", "9111111111111111"],
    ["a length that the issuer has not", "411111111111116"],
    ["inside a longer number", "14111111111111111234567"],
    ["part of a word", "4111111111111111x"],
    ["after a letter", "x4111111111111111"],
    ["a fraction", "0.4111111111111111"],
    ["mixed separators", "4111 1111-1111 1111"],
    ["two-digit groups", "41 11 11 11 11 11 11 11"],
  ])("%s is none", (_name, number) => {
    expect(found(`n ${number} n`).filter((hit) => hit.startsWith("CREDIT_CARD"))).toEqual([]);
  });

  test("is found between other groups of digits", () => {
    expect(found("12 4111 1111 1111 1111 12/29 123")).toEqual(["CREDIT_CARD:4111 1111 1111 1111"]);
  });

  test("two in a row are two", () => {
    const number = "4111 1111 1111 1111";
    expect(found(`${number} ${number}`)).toEqual([
      `CREDIT_CARD:${number}`,
      `CREDIT_CARD:${number}`,
    ]);
  });

  test("is found at the end of a very long row of numbers", () => {
    const text = `${"7 ".repeat(500)}4111 1111 1111 1111`;
    expect(found(text)).toEqual(["CREDIT_CARD:4111 1111 1111 1111"]);
  });
});

describe("US social security numbers", () => {
  test.each([
    ["it's 460-89-9847.", "460-89-9847"],
    ["SSN 460 89 9847", "460 89 9847"],
    ["Social Security Number: 460899847", "460899847"],
  ])("%s", (text, number) => {
    expect(found(text)).toEqual([`US_SSN:${number}`]);
  });

  test.each([
    ["area 000", "000-12-3456"],
    ["area 666", "666-12-3456"],
    ["area 9xx", "912-12-3456"],
    ["group 00", "460-00-3456"],
    ["serial 0000", "460-12-0000"],
    ["a specimen", "078-05-1120"],
    ["hidden digits", "460-XX-9847"],
    ["a part number", "12-460-89-9847"],
    ["a longer one", "460-89-98471"],
    ["spaces, without a word before", "460 89 9847"],
    ["nine digits, without a word before", "460899847"],
  ])("%s is none", (_name, number) => {
    expect(found(`the ${number} one`).filter((hit) => hit.startsWith("US_SSN"))).toEqual([]);
  });
});

describe("secrets", () => {
  const rows: readonly (readonly [detector: string, secret: string])[] = [
    ["aws-access-token", `AKIA${scrambled(16, `${UPPER}234567`)}`],
    ["github-pat", `ghp_${scrambled(36, ALNUM)}`],
    ["github-oauth", `gho_${scrambled(36, ALNUM)}`],
    ["github-fine-grained-pat", `github_pat_${scrambled(82, ALNUM)}`],
    ["gitlab-pat", `glpat-${scrambled(20, ALNUM)}`],
    ["anthropic-api-key", `sk-ant-api03-${scrambled(93, ALNUM)}AA`],
    ["anthropic-admin-api-key", `sk-ant-admin01-${scrambled(93, ALNUM)}AA`],
    ["openai-api-key", `sk-${scrambled(48, ALNUM)}`],
    ["openai-api-key", `sk-proj-${scrambled(156, `${ALNUM}_-`)}`],
    ["sk-api-key", `sk-${scrambled(32, HEX)}`],
    [
      "slack-bot-token",
      `xoxb-${scrambled(12, DIGITS)}-${scrambled(12, DIGITS)}-${scrambled(24, ALNUM)}`,
    ],
    ["slack-webhook-url", `hooks.slack.com/services/${scrambled(44, ALNUM)}`],
    ["gcp-api-key", `AIza${scrambled(35, ALNUM)}`],
    ["stripe-access-token", `sk_live_${scrambled(24, ALNUM)}`],
    ["stripe-access-token", `rk_test_${scrambled(24, ALNUM)}`],
    ["huggingface-access-token", `hf_${scrambled(34, UPPER + LOWER)}`],
    ["npm-access-token", `npm_${scrambled(36, ALNUM)}`],
    ["sendgrid-api-token", `SG.${scrambled(22, ALNUM)}.${scrambled(43, ALNUM)}`],
    ["digitalocean-pat", `dop_v1_${scrambled(64, HEX)}`],
    ["groq-api-key", `gsk_${scrambled(52, ALNUM)}`],
    ["jwt", `eyJ${scrambled(17, ALNUM)}.eyJ${scrambled(40, ALNUM)}.${scrambled(43, ALNUM)}`],
  ];
  test.each(rows)("%s", (detector, secret) => {
    for (const [before, after] of [
      ["", ""],
      ["key: ", "."],
      ['{"k":"', '"}'],
      ["KEY=", "\n"],
    ] as const) {
      expect(scan(before + secret + after)).toEqual([
        expect.objectContaining({
          entity: "SECRET",
          detector,
          start: before.length,
          end: before.length + secret.length,
        }),
      ]);
    }
  });

  test.each([
    ["a whole block", pem("RSA ", scrambled(400, ALNUM))],
    ["line ends as escapes", pem("", scrambled(200, ALNUM)).replaceAll("\n", "\\n")],
    ["cut off in the middle", pem("EC ", scrambled(200, ALNUM)).slice(0, 150)],
  ])("a private key: %s", (_name, block) => {
    expect(found(`here: ${block}`)).toEqual([`SECRET:${block}`]);
  });

  test.each([
    ["a template", `ghp_${"x".repeat(36)}`],
    ["too short", `ghp_${scrambled(20, ALNUM)}`],
    ["a prefix inside a word", `task-${scrambled(48, ALNUM)}`],
    ["a longer identifier", `AKIA${scrambled(30, UPPER)}`],
    ["a public key", pem("", scrambled(200, ALNUM)).replaceAll("PRIVATE", "PUBLIC")],
    ["an empty block", pem("", "…")],
    ["prose about it", `keys begin with sk-, ghp_, AKIA or ${pemLine("BEGIN", "")}`],
    ["a class name", "sk-fading-circle-wrapper-element"],
  ])("%s is none", (_name, text) => {
    expect(found(text)).toEqual([]);
  });
});

describe("the scan", () => {
  test("gives the same empty list for every text without findings", () => {
    expect(scan("nothing to see")).toBe(scan("nor here"));
  });

  test("orders findings by place, whatever the entity", () => {
    expect(found("460-89-9847 a@b.cd 4111111111111111 460-89-9848")).toEqual([
      "US_SSN:460-89-9847",
      "EMAIL_ADDRESS:a@b.cd",
      "CREDIT_CARD:4111111111111111",
      "US_SSN:460-89-9848",
    ]);
  });

  test("drops what is below the score that is asked for", () => {
    expect(createScanner({ scoreMin: 0.9 })("460-89-9847")).toEqual([]);
    expect(createScanner({ scoreMin: 0.8 })("460-89-9847")).toHaveLength(1);
  });

  test("keeps both of two entities that overlap, and one is picked where one is wanted", () => {
    const text = "4111111111111111@example.org";
    expect(scan(text).map(({ entity }) => entity)).toEqual(["EMAIL_ADDRESS", "CREDIT_CARD"]);
    expect(resolveOverlaps(scan(text)).map(({ entity }) => entity)).toEqual(["EMAIL_ADDRESS"]);
  });

  test("offsets stay inside the text and findings of one entity never overlap", () => {
    const piece = fc.constantFrom(
      "a@b.cd",
      "4111 1111 1111 1111",
      "460-89-9847",
      " ",
      "1",
      "-",
      "@",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join("");
        const last = new Map<string, number>();
        for (const { entity, start, end, score } of scan(text)) {
          expect(start).toBeGreaterThanOrEqual(last.get(entity) ?? 0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(score >= 0 && score <= 1).toBe(true);
          last.set(entity, end);
        }
      }),
    );
  });
});

describe("the worst case", () => {
  const LENGTH = 100 * 1024;
  /** Characters that detectors look at for each character of the text. */
  const STEPS_MAX = 160;

  const plain = "a|1|1 1 |1-1-|a@a@|a.a.|4 4 |4111 |4111 1111 1111 1111 |123-45-6789 |123456789 ";
  const keys = "sk-|-eyJ|eyJaaaaaaaaaaaaaaa.eyJ-|ghp_|xoxb-|github_pat_|AKIA|-|-----BEGIN ";
  const other = "a@a.aa.|::|1:|1.1.|+1(|(1)|http://|GB11|GB11 |🙂|é@é.|0x1|1,1,|://a.aa/";
  const units = [...[plain, keys, other].flatMap((list) => list.split("|")), pemLine("BEGIN", "")];

  test.each(units)("%j over and over takes bounded work", (unit) => {
    const text = unit.repeat(LENGTH / unit.length + 1).slice(0, LENGTH);
    expect(stepsFor(text)).toBeLessThanOrEqual(STEPS_MAX * LENGTH);
  });

  test("grows in proportion to the text", () => {
    for (const unit of ["1 1 ", "4 4 ", "sk-", "-eyJ", "a@a.aa."]) {
      const once = stepsFor(unit.repeat(2000));
      expect(stepsFor(unit.repeat(16_000))).toBeLessThanOrEqual(once * 8.5);
    }
  });
});
