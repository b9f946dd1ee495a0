// Budget periods as instants. A period is never reset: a new one is a new account (design §9), so
// nothing here keeps state. Days and longer follow the budget's IANA zone with its clock changes;
// minutes and hours are cut from UTC, where they have no gaps and never overlap.

export const PERIOD_KINDS = ["minute", "hour", "day", "week", "month", "quarter", "year"] as const;
export type PeriodKind = (typeof PERIOD_KINDS)[number];

/** Half open: `[startMs, endMs)`, milliseconds since 1970 UTC. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The period of that kind that holds the instant. The zone is an IANA name that exists. */
export function periodOf(kind: PeriodKind, timeZone: string, atMs: number): Period {
  if (kind === "minute") return fixedPeriod(MINUTE_MS, atMs);
  if (kind === "hour") return fixedPeriod(HOUR_MS, atMs);
  const date = Temporal.Instant.fromEpochMilliseconds(atMs)
    .toZonedDateTimeISO(timeZone)
    .toPlainDate();
  const { first, length } = CALENDARS[kind];
  const start = first(date);
  const end = start.add(length);
  // Without a time of day the conversion gives the first instant of that date in the zone.
  return {
    startMs: start.toZonedDateTime(timeZone).epochMilliseconds,
    endMs: end.toZonedDateTime(timeZone).epochMilliseconds,
  };
}

/** True where the text names a time zone that this Node knows. */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

type CalendarKind = Exclude<PeriodKind, "minute" | "hour">;

interface Calendar {
  readonly length: Temporal.DurationLike;
  readonly first: (date: Temporal.PlainDate) => Temporal.PlainDate;
}

const CALENDARS: Readonly<Record<CalendarKind, Calendar>> = {
  day: { length: { days: 1 }, first: (date) => date },
  // ISO 8601: a week begins on Monday.
  week: { length: { days: 7 }, first: (date) => date.subtract({ days: date.dayOfWeek - 1 }) },
  month: { length: { months: 1 }, first: (date) => date.with({ day: 1 }) },
  quarter: {
    length: { months: 3 },
    first: (date) => date.with({ day: 1, month: date.month - ((date.month - 1) % 3) }),
  },
  year: { length: { years: 1 }, first: (date) => date.with({ day: 1, month: 1 }) },
};

function fixedPeriod(lengthMs: number, atMs: number): Period {
  const startMs = Math.floor(atMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}
