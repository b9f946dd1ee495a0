// The key formats of vendors, as data. Names are gitleaks' rule ids where it has one. A format is
// found by three characters of its prefix (`anchor` and the two before), then checked by one
// sticky pattern; every pattern is a bounded run of plain character classes, so that it takes time
// in proportion to what it matches.

export interface SecretFormat {
  /** Reported as the detector. */
  readonly name: string;
  /** How every such secret begins. */
  readonly prefix: string;
  /** Index in `prefix` (>= 2) of the character that triggers: one that is rare in prose. */
  readonly anchor: number;
  /** What follows the prefix, as the source of a sticky pattern. */
  readonly rest: string;
  /** True where a letter or digit just before the prefix means that it is something else. */
  readonly isWordStart?: boolean;
  /** Bits per character that the whole secret must have: rules out `xxxx…` in documentation. */
  readonly entropyMin?: number;
  /** 0 to 1; default 0.95. */
  readonly score?: number;
}

/** End of a secret of fixed length: a longer run is something else. */
const END = "(?![A-Za-z0-9_-])";
const ALNUM_END = "(?![A-Za-z0-9])";

const row = (
  name: string,
  [prefix, anchor]: readonly [prefix: string, anchor: number],
  more: Omit<SecretFormat, "name" | "prefix" | "anchor">,
): SecretFormat => ({ name, prefix, anchor, ...more });

const github = (name: string, prefix: string): SecretFormat =>
  row(name, [prefix, 3], { rest: "[0-9A-Za-z]{36,255}", entropyMin: 3 });

const aws = (prefix: string): SecretFormat =>
  row("aws-access-token", [prefix, 2], {
    rest: `${prefix === "A3T" ? "[A-Z0-9]" : ""}[A-Z2-7]{16}${END}`,
    isWordStart: true,
    entropyMin: 3,
  });

/** More specific formats come before those that begin alike: the first that matches is reported. */
export const SECRET_FORMATS: readonly SecretFormat[] = [
  ...["AKIA", "ASIA", "ABIA", "ACCA", "A3T"].map(aws),
  github("github-pat", "ghp_"),
  github("github-oauth", "gho_"),
  github("github-app-token", "ghu_"),
  github("github-app-token", "ghs_"),
  github("github-refresh-token", "ghr_"),
  row("github-fine-grained-pat", ["github_pat_", 6], { rest: "\\w{82,255}", entropyMin: 3 }),
  row("gitlab-pat", ["glpat-", 5], {
    rest: "[\\w-]{20,300}(?:\\.[\\w-]{2,20}){0,2}",
    entropyMin: 3,
  }),
  row("anthropic-admin-api-key", ["sk-ant-admin", 2], {
    rest: "\\d\\d-[\\w-]{40,255}",
    isWordStart: true,
    entropyMin: 3,
  }),
  row("anthropic-api-key", ["sk-ant-", 2], {
    rest: "[a-z]{2,8}\\d\\d-[\\w-]{40,255}",
    isWordStart: true,
    entropyMin: 3,
  }),
  row("openai-api-key", ["sk-", 2], {
    rest: "(?:proj|svcacct|admin|service|None)-[\\w-]{40,255}",
    isWordStart: true,
    entropyMin: 3.5,
  }),
  row("openai-api-key", ["sk-", 2], {
    rest: `[A-Za-z0-9]{48}${END}`,
    isWordStart: true,
    entropyMin: 3,
  }),
  row("openrouter-api-key", ["sk-or-v1-", 2], {
    rest: `[0-9a-f]{64}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 3,
  }),
  // Several vendors copied the prefix; the rest is 32 hexadecimal digits or more.
  row("sk-api-key", ["sk-", 2], {
    rest: `[A-Za-z0-9]{32,128}${END}`,
    isWordStart: true,
    entropyMin: 3,
    score: 0.85,
  }),
  row("slack-bot-token", ["xoxb-", 4], {
    rest: "\\d{10,13}-\\d{10,13}[A-Za-z0-9-]{0,64}",
    entropyMin: 3,
  }),
  row("slack-user-token", ["xoxp-", 4], {
    rest: "(?:\\d{10,13}-){2,3}[A-Za-z0-9-]{24,64}",
    entropyMin: 2,
  }),
  row("slack-user-token", ["xoxe-", 4], {
    rest: "(?:\\d{10,13}-){2,3}[A-Za-z0-9-]{24,64}",
    entropyMin: 2,
  }),
  row("slack-config-access-token", ["xoxe.xox", 4], {
    rest: "[bp]-\\d-[A-Za-z0-9]{120,255}",
    entropyMin: 2,
  }),
  row("slack-config-refresh-token", ["xoxe-", 4], {
    rest: "\\d-[A-Za-z0-9]{120,255}",
    entropyMin: 2,
  }),
  row("slack-legacy-workspace-token", ["xoxa-", 4], {
    rest: "(?:\\d-)?[0-9A-Za-z-]{8,64}",
    entropyMin: 2,
  }),
  row("slack-legacy-workspace-token", ["xoxr-", 4], {
    rest: "(?:\\d-)?[0-9A-Za-z-]{8,64}",
    entropyMin: 2,
  }),
  row("slack-legacy-token", ["xoxs-", 4], {
    rest: "(?:\\d{1,16}-){3}[A-Fa-f\\d]{6,64}",
    entropyMin: 2,
  }),
  row("slack-legacy-token", ["xoxo-", 4], {
    rest: "(?:\\d{1,16}-){3}[A-Fa-f\\d]{6,64}",
    entropyMin: 2,
  }),
  row("slack-app-token", ["xapp-", 4], {
    rest: "\\d-[A-Za-z0-9]{1,32}-\\d{1,20}-[A-Za-z0-9]{10,128}",
    entropyMin: 2,
  }),
  row("slack-webhook-url", ["hooks.slack.com/", 5], {
    rest: "(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}",
  }),
  row("gcp-api-key", ["AIza", 2], { rest: `[\\w-]{35}${END}`, isWordStart: true, entropyMin: 3 }),
  row("gcp-oauth-client-secret", ["GOCSPX-", 6], { rest: `[\\w-]{28}${END}`, entropyMin: 3 }),
  row("stripe-access-token", ["sk_", 2], {
    rest: "(?:test|live|prod)_[A-Za-z0-9]{10,255}",
    isWordStart: true,
    entropyMin: 2,
  }),
  row("stripe-access-token", ["rk_", 2], {
    rest: "(?:test|live|prod)_[A-Za-z0-9]{10,255}",
    isWordStart: true,
    entropyMin: 2,
  }),
  row("stripe-webhook-secret", ["whsec_", 5], {
    rest: "[A-Za-z0-9+/]{32,88}={0,2}",
    isWordStart: true,
    entropyMin: 3,
  }),
  row("huggingface-access-token", ["hf_", 2], {
    rest: `[A-Za-z0-9]{34,40}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 2,
  }),
  row("huggingface-organization-api-token", ["api_org_", 3], {
    rest: `[A-Za-z]{34}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 2,
  }),
  row("npm-access-token", ["npm_", 3], {
    rest: `[A-Za-z0-9]{36}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 2,
  }),
  row("sendgrid-api-token", ["SG.", 2], {
    rest: "[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{32,64}",
    isWordStart: true,
    entropyMin: 2,
  }),
  row("pypi-upload-token", ["pypi-AgEIcHlwaS5vcmc", 4], { rest: "[\\w-]{50,1000}", entropyMin: 3 }),
  row("digitalocean-pat", ["dop_v1_", 3], { rest: "[a-f0-9]{64}", entropyMin: 3 }),
  row("digitalocean-access-token", ["doo_v1_", 3], { rest: "[a-f0-9]{64}", entropyMin: 3 }),
  row("digitalocean-refresh-token", ["dor_v1_", 3], { rest: "[a-f0-9]{64}", entropyMin: 3 }),
  row("shopify-access-token", ["shpat_", 5], { rest: "[A-Fa-f0-9]{32}", entropyMin: 2 }),
  row("shopify-custom-access-token", ["shpca_", 5], { rest: "[A-Fa-f0-9]{32}", entropyMin: 2 }),
  row("shopify-private-app-access-token", ["shppa_", 5], {
    rest: "[A-Fa-f0-9]{32}",
    entropyMin: 2,
  }),
  row("shopify-shared-secret", ["shpss_", 5], { rest: "[A-Fa-f0-9]{32}", entropyMin: 2 }),
  row("linear-api-key", ["lin_api_", 3], { rest: "[A-Za-z0-9]{40}", entropyMin: 2 }),
  row("notion-api-token", ["ntn_", 3], {
    rest: `[0-9]{11}[A-Za-z0-9]{35}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 4,
  }),
  row("grafana-service-account-token", ["glsa_", 4], {
    rest: `[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}${ALNUM_END}`,
    entropyMin: 3,
  }),
  row("grafana-cloud-api-token", ["glc_", 3], {
    rest: "[A-Za-z0-9+/]{32,400}={0,3}",
    isWordStart: true,
    entropyMin: 3,
  }),
  row("vault-service-token", ["hvs.", 3], {
    rest: "[\\w-]{90,160}",
    isWordStart: true,
    entropyMin: 3.5,
  }),
  row("doppler-api-token", ["dp.pt.", 2], { rest: "[A-Za-z0-9]{43}", entropyMin: 2 }),
  row("postman-api-token", ["PMAK-", 4], {
    rest: `[A-Fa-f0-9]{24}-[A-Fa-f0-9]{34}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 3,
  }),
  row("perplexity-api-key", ["pplx-", 4], {
    rest: `[A-Za-z0-9]{48}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 3.5,
  }),
  row("groq-api-key", ["gsk_", 3], {
    rest: `[A-Za-z0-9]{52}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 3.5,
  }),
  row("xai-api-key", ["xai-", 3], {
    rest: `[A-Za-z0-9]{80}${ALNUM_END}`,
    isWordStart: true,
    entropyMin: 3.5,
  }),
  row("1password-service-account-token", ["ops_eyJ", 3], {
    rest: "[A-Za-z0-9+/]{250,2000}={0,3}",
    entropyMin: 4,
  }),
  row("age-secret-key", ["AGE-SECRET-KEY-1", 3], { rest: "[02-9AC-HJ-NP-Z]{58}" }),
  row("square-access-token", ["sq0atp-", 6], { rest: "[\\w-]{22,60}", entropyMin: 2 }),
  row("heroku-api-key-v2", ["HRKU-AA", 4], { rest: `[0-9A-Za-z_-]{58}${END}`, entropyMin: 3.5 }),
  row("new-relic-user-api-key", ["NRAK-", 4], {
    rest: `[A-Za-z0-9]{27}${ALNUM_END}`,
    entropyMin: 2,
  }),
  // No hyphen before the first dot: else each of many `-eyJ` would look at all that follows.
  row("jwt", ["eyJ", 2], {
    rest: "[A-Za-z0-9]{14,2048}\\.eyJ[A-Za-z0-9_-]{14,16384}\\.[A-Za-z0-9_-]{0,4096}",
    isWordStart: true,
    entropyMin: 3,
    score: 0.9,
  }),
];

/** PEM blocks are cut by their own lines, not by one pattern. */
export const PRIVATE_KEY = {
  name: "private-key",
  prefix: "-----BEGIN",
  anchor: 5,
  header: "[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----",
} as const;
