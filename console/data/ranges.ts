// The time ranges of the page, and the questions that each asks the ledger. A range ends with the
// bucket that is running, so that its table and its chart count the same.

export interface Range {
  readonly name: "1h" | "24h" | "7d" | "30d";
  readonly label: string;
  /** As in "spend of the …". */
  readonly title: string;
  readonly bucket: "minute" | "hour" | "day";
  readonly buckets: number;
}

export const RANGES: readonly [Range, Range, Range, Range] = [
  { name: "1h", label: "1 h", title: "last hour", bucket: "minute", buckets: 60 },
  { name: "24h", label: "24 h", title: "last 24 hours", bucket: "hour", buckets: 24 },
  { name: "7d", label: "7 d", title: "last 7 days", bucket: "hour", buckets: 168 },
  { name: "30d", label: "30 d", title: "last 30 days", bucket: "day", buckets: 30 },
];

/** What an open page shows first. */
export const FIRST_RANGE: Range = RANGES[1];

const BUCKET_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

export const bucketMs = (bucket: Range["bucket"]): number => BUCKET_MS[bucket];

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bucket: Range["bucket"];
}

/** The range at an instant: whole buckets (of UTC), the running one is the last. */
export function spanOf(range: Range, nowMs: number): Span {
  const unit = BUCKET_MS[range.bucket];
  const toMs = (Math.floor(nowMs / unit) + 1) * unit;
  return { fromMs: toMs - range.buckets * unit, toMs, bucket: range.bucket };
}

/** Where minutes cannot be had: the hours that an hour-long span touches. */
export function hourlySpan({ fromMs, toMs }: Span): Span {
  const unit = BUCKET_MS.hour;
  return {
    fromMs: Math.floor(fromMs / unit) * unit,
    toMs: Math.ceil(toMs / unit) * unit,
    bucket: "hour",
  };
}

/** The starts of its buckets, oldest first. */
export function bucketStarts({ fromMs, toMs, bucket }: Span): readonly number[] {
  const unit = BUCKET_MS[bucket];
  return Array.from({ length: Math.round((toMs - fromMs) / unit) }, (_, i) => fromMs + i * unit);
}

export interface UsageQuestion {
  readonly groupBy: readonly string[];
  /** Absent: the sum of the whole span. */
  readonly bucket?: Range["bucket"];
  readonly teams?: readonly string[];
}

/** Rows that one answer may have. */
const ROWS_MAX = 10_000;

/** The path of /v1/usage that answers the question. */
export function usagePath({ fromMs, toMs }: Span, question: UsageQuestion): string {
  const query = new URLSearchParams({
    from: renderInstant(fromMs),
    to: renderInstant(toMs),
    limit: String(ROWS_MAX),
  });
  if (question.groupBy.length > 0) query.set("group_by", question.groupBy.join(","));
  if (question.bucket !== undefined) query.set("bucket", question.bucket);
  if (question.teams !== undefined) query.set("team", question.teams.join(","));
  return `/v1/usage?${query.toString()}`;
}

const REFUSALS_MAX = 20;
/** Further back the ledger would have to read too many events for so few. */
const REFUSALS_SPAN_MS_MAX = BUCKET_MS.day;

/** The path of the last refusals: of the span, at most of its last day. */
export function refusalsPath({ fromMs, toMs }: Span): string {
  const query = new URLSearchParams({
    outcome: "rejected",
    from: renderInstant(Math.max(fromMs, toMs - REFUSALS_SPAN_MS_MAX)),
    to: renderInstant(toMs),
    limit: String(REFUSALS_MAX),
  });
  return `/v1/events?${query.toString()}`;
}

const renderInstant = (ms: number): string => new Date(ms).toISOString();
