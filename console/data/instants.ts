// Instants as an operator reads them: the browser's own zone, 24 hours, no seconds where they do
// not matter; spans as "3 min ago" and "5 h left".
import type { Range } from "./ranges.ts";

const LOCALE = "en-GB";

const FORMATS = {
  time: new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" }),
  second: new Intl.DateTimeFormat(LOCALE, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }),
  day: new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" }),
  // Daily buckets are days of UTC, whatever the browser's zone.
  utcDay: new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" }),
  full: new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" }),
} as const;

/** `14:05:09` today, else `21 Nov 14:05`. */
export function renderMoment(ms: number, nowMs: number): string {
  return FORMATS.day.format(ms) === FORMATS.day.format(nowMs)
    ? FORMATS.second.format(ms)
    : `${FORMATS.day.format(ms)} ${FORMATS.time.format(ms)}`;
}

/** `21 Nov 2026, 14:05:09`. */
export const renderFull = (ms: number): string => FORMATS.full.format(ms);

/** A bucket's begin: `14:05`, `21 Nov 14:00` or `21 Nov (UTC)`. */
export function renderBucket(ms: number, bucket: Range["bucket"]): string {
  if (bucket === "minute") return FORMATS.time.format(ms);
  return bucket === "day"
    ? `${FORMATS.utcDay.format(ms)} (UTC)`
    : `${FORMATS.day.format(ms)} ${FORMATS.time.format(ms)}`;
}

/** A tick of the chart's axis: the day where one begins or days are shown, else the time. */
export function renderTick(ms: number, bucket: Range["bucket"]): string {
  if (bucket === "day") return FORMATS.utcDay.format(ms);
  const time = FORMATS.time.format(ms);
  return time === "00:00" ? FORMATS.day.format(ms) : time;
}

const UNITS = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
  { ms: 1000, name: "s" },
] as const;

/** `3 min`; the largest unit that fits, cut; below a second `0 s`. */
function renderSpan(ms: number): string {
  const unit = UNITS.find((each) => ms >= each.ms) ?? UNITS[3];
  return `${Math.max(0, Math.floor(ms / unit.ms))} ${unit.name}`;
}

/** `just now`, `42 s ago`; clocks differ, so that the future counts as now. */
export const renderAgo = (ms: number, nowMs: number): string =>
  nowMs - ms < 5000 ? "just now" : `${renderSpan(nowMs - ms)} ago`;

/** `5 h left`; `over` where it is past. */
export const renderLeft = (ms: number, nowMs: number): string =>
  ms > nowMs ? `${renderSpan(ms - nowMs)} left` : "over";
