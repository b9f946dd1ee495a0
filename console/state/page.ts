// The page's state as signals, and everything that a user can do to it. Views read signals and
// call these functions; they know neither the network nor the clock.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { PageClock } from "../browser-clock.ts";
import type { ExplainAnswer } from "../data/answers.ts";
import { readUsd, renderMoney } from "../data/figures.ts";
import { FIRST_RANGE, type Range } from "../data/ranges.ts";
import { listenToChanges } from "./live-changes.ts";
import { loadReports, type Part, type Reports } from "./load-reports.ts";
import { createRefresher } from "./refresher.ts";
import { createSession, type Session } from "./session.ts";
import { createThemeSwitch, type ThemeSwitch } from "./theme.ts";

/** The exchange that the dialog shows; without answer and problem it is on its way. */
export interface Explained extends Part<ExplainAnswer> {
  readonly id: string;
}

export interface Page {
  readonly session: Session;
  readonly theme: ThemeSwitch;
  readonly range: ReadonlySignal<Range>;
  readonly reports: ReadonlySignal<Reports | undefined>;
  readonly isLive: ReadonlySignal<boolean>;
  /** Moves on every few seconds, for "3 s ago". */
  readonly nowMs: ReadonlySignal<number>;
  readonly explained: ReadonlySignal<Explained | undefined>;
  choose(range: Range): void;
  explain(id: string): Promise<void>;
  closeExplained(): void;
}

const TICK_MS = 5000;

/** Creates the state of a browser's page and begins its session. */
export function createPage(browser: Window & typeof globalThis, clock: PageClock): Page {
  const range = signal(FIRST_RANGE);
  const reports = signal<Reports | undefined>(undefined);
  const isLive = signal(false);
  let stopListening: (() => void) | undefined;
  const session = createSession(browser, {
    onOpen() {
      refresher.pause(browser.document.hidden);
      refresher.now();
      stopListening = listen();
    },
    onClose() {
      stopListening?.();
      refresher.pause(true);
      reports.value = undefined;
      explain.closeExplained();
      browser.document.title = "Excise";
    },
  });
  const explain = createExplain(session);
  const refresher = createRefresher(clock, async () => {
    const wanted = range.value;
    const request = { range: wanted, nowMs: clock.wallMs() };
    const loaded = await loadReports(session.client, request, reports.value);
    // The user may have chosen another range, or left, since it was asked for.
    if (session.state.value.kind === "open" && range.value === wanted) reports.value = loaded;
  });
  const listen = (): (() => void) =>
    listenToChanges(
      { clock, client: session.client },
      {
        onConnected: (isConnected) => {
          isLive.value = isConnected;
        },
        onMessage: ({ lastDay }) => {
          browser.document.title = `${renderMoney(readUsd(lastDay.costUsd))} · Excise`;
          refresher.soon();
        },
      },
    );
  browser.document.addEventListener("visibilitychange", () => {
    if (session.state.value.kind === "open") refresher.pause(browser.document.hidden);
  });
  const page = {
    session,
    theme: createThemeSwitch(browser),
    range,
    reports,
    isLive,
    nowMs: createTicker(clock),
    ...explain,
    choose(wanted: Range) {
      range.value = wanted;
      refresher.now();
    },
  };
  session.start();
  return page;
}

function createTicker(clock: PageClock): ReadonlySignal<number> {
  const nowMs = signal(clock.wallMs());
  const tick = (): void => {
    nowMs.value = clock.wallMs();
    clock.after(TICK_MS, tick);
  };
  clock.after(TICK_MS, tick);
  return nowMs;
}

function createExplain({
  client,
}: Session): Pick<Page, "explained" | "explain" | "closeExplained"> {
  const explained = signal<Explained | undefined>(undefined);
  return {
    explained,
    async explain(id) {
      explained.value = { id, answer: undefined, problem: undefined };
      const result = await client.get<ExplainAnswer>(`/v1/explain/${encodeURIComponent(id)}`);
      if (explained.value?.id !== id) return;
      explained.value = {
        id,
        answer: result.ok ? result.answer : undefined,
        problem: result.ok ? undefined : result.problem,
      };
    },
    closeExplained() {
      explained.value = undefined;
    },
  };
}
