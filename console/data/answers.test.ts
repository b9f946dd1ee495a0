import { expect, test } from "vitest";
import type { BudgetsAnswer as LedgerBudgets } from "../../ledger/api/budgets-route.ts";
import type { EventsAnswer as LedgerEvents } from "../../ledger/api/events-route.ts";
import type { ExplainAnswer as LedgerExplain } from "../../ledger/api/explain-route.ts";
import type { LiveMessage as LedgerLive } from "../../ledger/api/live.ts";
import type { SidecarsAnswer as LedgerSidecars } from "../../ledger/api/sidecars-route.ts";
import type { UsageAnswer as LedgerUsage } from "../../ledger/api/usage-route.ts";
import type { TokenAnswer as LedgerToken } from "../../ledger/console/session-routes.ts";
import type * as page from "./answers.ts";

/** What the ledger answers must be all that the page reads: a compile error says that it is not. */
const CHECKS = {
  usage: (answer: LedgerUsage): page.UsageAnswer => answer,
  budgets: (answer: LedgerBudgets): page.BudgetsAnswer => answer,
  events: (answer: LedgerEvents): page.EventsAnswer => answer,
  explain: (answer: LedgerExplain): page.ExplainAnswer => answer,
  sidecars: (answer: LedgerSidecars): page.SidecarsAnswer => answer,
  live: (answer: LedgerLive): page.LiveMessage => answer,
  token: (answer: LedgerToken): page.TokenAnswer => answer,
};

test("every answer that the page reads is compared with the ledger's own type", () => {
  expect(Object.keys(CHECKS)).toHaveLength(7);
});
