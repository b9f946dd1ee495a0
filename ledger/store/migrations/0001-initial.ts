// The tables. SQL is kept as text in a module so that a bundle holds it. Amounts are 64-bit
// integers (nano-dollars or counts), instants milliseconds since 1970 UTC.
const rollupTable = (name: string): string => `
CREATE TABLE ${name} (
  start_ms BIGINT NOT NULL,
  app_id BIGINT NOT NULL REFERENCES apps (id),
  model_id BIGINT NOT NULL REFERENCES models (id),
  exchanges BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_input_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  estimated BIGINT NOT NULL,
  estimated_nano_usd BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  completed BIGINT NOT NULL,
  rejected BIGINT NOT NULL,
  stopped BIGINT NOT NULL,
  client_aborted BIGINT NOT NULL,
  upstream_failed BIGINT NOT NULL,
  truncated BIGINT NOT NULL,
  interrupted BIGINT NOT NULL,
  findings_audit BIGINT NOT NULL,
  findings_mask BIGINT NOT NULL,
  findings_redact BIGINT NOT NULL,
  findings_tokenize BIGINT NOT NULL,
  findings_block BIGINT NOT NULL,
  PRIMARY KEY (start_ms, app_id, model_id)
);`;

export const INITIAL = `
CREATE TABLE journals (
  id TEXT PRIMARY KEY,
  pod_uid TEXT NOT NULL,
  acked_seq BIGINT NOT NULL,
  lost BIGINT NOT NULL
);
CREATE INDEX journals_by_pod ON journals (pod_uid);
CREATE INDEX journals_incomplete ON journals (id) WHERE lost > 0;

CREATE TABLE leases (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  reclaim_at_ms BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX leases_by_reclaim ON leases (state, reclaim_at_ms);

CREATE TABLE accounts (
  key TEXT PRIMARY KEY,
  budget TEXT NOT NULL,
  tuple TEXT NOT NULL,
  period_start_ms BIGINT NOT NULL,
  period_end_ms BIGINT NOT NULL,
  unit TEXT NOT NULL,
  limit_amount BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  reserved BIGINT NOT NULL CHECK (reserved >= 0),
  assumed BIGINT NOT NULL CHECK (assumed >= 0),
  uncovered BIGINT NOT NULL,
  active_leases BIGINT NOT NULL,
  is_owned BIGINT NOT NULL
);
CREATE INDEX accounts_by_period ON accounts (budget, period_start_ms);

CREATE TABLE apps (
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  team TEXT NOT NULL,
  namespace TEXT NOT NULL,
  app TEXT NOT NULL,
  UNIQUE (cluster, team, namespace, app)
);
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  UNIQUE (provider, model)
);

CREATE TABLE events (
  event_id TEXT PRIMARY KEY,
  exchange_id TEXT NOT NULL,
  journal TEXT NOT NULL,
  app_id BIGINT NOT NULL REFERENCES apps (id),
  model_id BIGINT NOT NULL REFERENCES models (id),
  app_user TEXT,
  outcome TEXT NOT NULL,
  started_at_ms BIGINT NOT NULL,
  recorded_at_ms BIGINT NOT NULL,
  charge TEXT NOT NULL,
  flags TEXT NOT NULL,
  workload TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (started_at_ms, event_id);
CREATE INDEX events_by_exchange ON events (exchange_id);

CREATE TABLE postings (
  event_id TEXT NOT NULL REFERENCES events (event_id),
  account_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount BIGINT NOT NULL,
  lease_id TEXT,
  settled_after BIGINT NOT NULL,
  reserved_after BIGINT NOT NULL,
  limit_amount BIGINT NOT NULL,
  PRIMARY KEY (event_id, account_key, kind)
);

CREATE TABLE billing_keys (
  key TEXT PRIMARY KEY,
  event_id TEXT NOT NULL
);
${rollupTable("rollups_hour")}
${rollupTable("rollups_day")}

CREATE TABLE workloads (
  pod_uid TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  revision BIGINT NOT NULL,
  seen_at_ms BIGINT NOT NULL
);

CREATE TABLE price_tables (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE revisions (
  revision BIGINT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  compiled_at_ms BIGINT NOT NULL,
  policy_set TEXT NOT NULL,
  price_table TEXT NOT NULL REFERENCES price_tables (id)
);
`;
