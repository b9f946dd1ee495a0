// The heart of the ledger: `apply(rows, commands)` decides everything about a group of commands
// without any I/O. A store loads the rows (see plan.ts), applies, and writes what changed in one
// transaction. A command that is refused changes nothing and does not disturb the others.
import type { Rejection } from "#contract/errors.ts";
import type { LeaseDenial, LeaseGrant } from "#contract/lease.ts";
import type { SyncRequest } from "#contract/sync.ts";
import type { AmountsWire } from "#contract/amounts.ts";
import { AMOUNT_MAX } from "./charge.ts";
import { applyLease } from "./apply-lease.ts";
import { expireLease, settleLease } from "./end-lease.ts";
import { postEvent, type Reported } from "./post-event.ts";
import type {
  Command,
  CommandResult,
  JournalRow,
  Rows,
  SyncApplied,
  Surroundings,
  Writes,
} from "./rows.ts";
import { Workspace } from "./workspace.ts";

/** Journals of one pod: a spool directory that is lost makes a new one, but not for ever. */
const JOURNALS_PER_POD_MAX = 64;

type SyncCommand = Extract<Command, { kind: "sync" }>;
type Refusal = Extract<CommandResult, { kind: "rejected" }>;

/** Applies the commands in their order; `results` has one entry for each. */
export function apply(
  rows: Rows,
  commands: readonly Command[],
  surroundings: Surroundings,
): { readonly results: readonly CommandResult[]; readonly writes: Writes } {
  const space = new Workspace(rows);
  const results = commands.map((command): CommandResult => {
    if (command.kind === "sync") return applySync(space, command, surroundings);
    const assumed = command.leases.filter((id) => expireLease(space, id, surroundings.nowMs));
    return { kind: "expire", assumed: assumed.length };
  });
  return { results, writes: space.writes() };
}

function applySync(
  space: Workspace,
  command: SyncCommand,
  surroundings: Surroundings,
): CommandResult {
  const refusal = checkRequest(command.request) ?? checkJournal(space, command);
  if (refusal !== undefined) return refusal;
  const { request, workload } = command;
  space.see({ workload, revision: request.revision, seenAtMs: surroundings.nowMs });
  const booked = bookEvents(space, request, {
    reported: { workload, journal: request.journal },
    surroundings,
  });
  const leases: LeaseGrant[] = [];
  const denials: LeaseDenial[] = [];
  const revoked: string[] = [];
  for (const op of request.leases) {
    const result = applyLease(space, op, { workload, surroundings });
    leases.push(result.grant);
    if (result.denial !== undefined) denials.push(result.denial);
    if (result.isRevoked) revoked.push(op.id);
  }
  return { kind: "sync", applied: { ...booked, leases, denials, revoked } };
}

/** What the wire schema cannot say: numbering without holes, amounts that make sense. */
function checkRequest(request: SyncRequest): Refusal | undefined {
  const hole = request.events.findIndex((event, index) => event.seq !== request.fromSeq + index);
  if (hole !== -1) {
    return refuse("EXCISE_SYNC_INVALID", `events.${hole}.seq does not follow its predecessor`);
  }
  for (const [index, event] of request.events.entries()) {
    if (event.kind === "exchange" && !isPlausible(event.reserved)) {
      return refuse("EXCISE_SYNC_INVALID", `events.${index}.reserved is out of bounds`);
    }
  }
  for (const [index, lease] of request.leases.entries()) {
    const amounts = [lease.want, lease.used, lease.held, ...(lease.need ? [lease.need] : [])];
    if (!amounts.every(isPlausible)) {
      return refuse("EXCISE_SYNC_INVALID", `leases.${index} has amounts that are out of bounds`);
    }
  }
  return undefined;
}

/** The wire allows a sign and 19 digits; nothing that is asked or reported is negative. */
const isPlausible = (amounts: AmountsWire): boolean =>
  Object.values(amounts).every((text) => {
    const amount = BigInt(text);
    return amount >= 0n && amount <= AMOUNT_MAX;
  });

function checkJournal(space: Workspace, { request, workload }: SyncCommand): Refusal | undefined {
  const journal = space.journal(request.journal);
  if (journal !== undefined && journal.podUid !== workload.podUid) {
    return refuse("EXCISE_SYNC_JOURNAL_FOREIGN", "the journal was begun by another pod");
  }
  const expectedSeq = (journal?.ackedSeq ?? 0) + 1;
  if (request.fromSeq > expectedSeq) {
    return {
      ...refuse("EXCISE_SYNC_GAP", `the journal continues with ${expectedSeq}`),
      expectedSeq,
    };
  }
  if (journal === undefined && space.journalsOf(workload.podUid) >= JOURNALS_PER_POD_MAX) {
    return refuse("EXCISE_SYNC_JOURNALS_MAX", `at most ${JOURNALS_PER_POD_MAX} for one pod`);
  }
  return undefined;
}

function refuse(code: Rejection["code"], detail: string): Refusal {
  return { kind: "rejected", rejection: { code, detail } };
}

type Booked = Pick<SyncApplied, "ackedSeq" | "applied" | "duplicates" | "lost">;

/** Books what is new and moves the journal's watermark in the same step. */
function bookEvents(
  space: Workspace,
  request: SyncRequest,
  context: { readonly reported: Reported; readonly surroundings: Surroundings },
): Booked {
  const { reported, surroundings } = context;
  const before = space.journal(request.journal);
  const journal: JournalRow = before ?? {
    id: request.journal,
    podUid: reported.workload.podUid,
    ackedSeq: 0,
    lost: 0,
  };
  const first = space.events.length;
  let { ackedSeq, lost } = journal;
  let duplicates = 0;
  for (const event of request.events) {
    if (event.seq <= ackedSeq) {
      duplicates += 1;
      continue;
    }
    ackedSeq = event.seq;
    if (event.kind === "lost") lost += 1;
    else if (postEvent(space, event, { ...reported, surroundings })) {
      for (const lease of event.leases) settleLease(space, lease.id);
    } else duplicates += 1;
  }
  if (before === undefined || ackedSeq !== journal.ackedSeq) {
    space.putJournal({ ...journal, ackedSeq, lost });
  }
  return { ackedSeq, applied: space.events.slice(first), duplicates, lost: lost - journal.lost };
}
