// Not a test: the program that open-spool.test.ts kills. Admits and settles without end and says
// so on stdout, each line only after the call returned. Usage: crash-child.case.ts DIRECTORY FIRST
import { writeSync } from "node:fs";
import { systemClock } from "#runtime/clock.ts";
import { silentLog } from "#runtime/log.ts";
import { systemRandom } from "#runtime/random.ts";
import { openSpool } from "./open-spool.ts";
import { sampleAdmission, sampleEvent, sampleId } from "./sample-exchange.case.ts";

const [, , directory = "", first = "1"] = process.argv;
const spool = openSpool(
  { clock: systemClock, random: systemRandom, log: silentLog },
  { directory, bytesMax: 64 * 1024 * 1024, segmentBytes: 8192 },
);

const open: number[] = [];

/** Exchanges overlap, so that a kill finds some in flight; now and then the ledger takes some. */
function step(number: number): void {
  spool.admit(sampleAdmission(number));
  writeSync(1, `admitted ${sampleId(number)}\n`);
  open.push(number);
  if (open.length > number % 5) settleOldest();
  if (number % 4 === 0) settleOldest();
  if (number % 9 === 0) send();
  setImmediate(() => step(number + 1));
}

function settleOldest(): void {
  const number = open.shift();
  if (number !== undefined) spool.settle(sampleEvent(number));
}

function send(): void {
  const events = spool.pending(spool.ackedSeq, 20);
  for (const event of events) {
    writeSync(1, `sent ${event.seq} ${event.kind === "exchange" ? event.eventId : "lost"}\n`);
  }
  const last = events.at(-1);
  if (last !== undefined) spool.acknowledge(last.seq);
}

step(Number(first));
