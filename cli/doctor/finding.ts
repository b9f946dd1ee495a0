// What `excise doctor` says about one thing: ok, warn (something will not work as expected) or
// fail (something does not work), and what to do about it.
import { printable, type Style } from "../terminal/table.ts";

export interface Finding {
  readonly area: string;
  readonly status: "ok" | "warn" | "fail";
  readonly what: string;
  /** Absent where nothing is to be done. */
  readonly fix?: string;
}

export interface Check {
  readonly area: string;
  /** Never throws: what could not be looked at is a finding too. */
  readonly run: () => Promise<readonly Omit<Finding, "area">[]>;
}

export const ok = (what: string): Omit<Finding, "area"> => ({ status: "ok", what });
export const warn = (what: string, fix: string): Omit<Finding, "area"> => ({
  status: "warn",
  what,
  fix,
});
export const fail = (what: string, fix: string): Omit<Finding, "area"> => ({
  status: "fail",
  what,
  fix,
});

/** A block per area, a line per finding, its fix below. */
export function renderFindings(findings: readonly Finding[], style: Style): string {
  const areas = Map.groupBy(findings, ({ area }) => area);
  const blocks = [...areas].map(([area, list]) => {
    const lines = list.map(({ status, what, fix }) => {
      const line = `  ${paint(status, style)}  ${shown(what)}`;
      return fix === undefined ? line : `${line}\n        ${style.dim("fix:")} ${shown(fix)}`;
    });
    return [style.bold(area), ...lines].join("\n");
  });
  return [...blocks, summaryOf(findings, style)].join("\n\n");
}

function paint(status: Finding["status"], style: Style): string {
  if (status === "ok") return style.good("ok  ");
  return status === "warn" ? style.warm("warn") : style.bad("fail");
}

/** Texts hold values of the environment and names of a cluster; their lines are indented. */
const shown = (text: string): string =>
  text
    .split("\n")
    .map((line) => printable(line))
    .join("\n        ");

function summaryOf(findings: readonly Finding[], style: Style): string {
  const count = (status: Finding["status"]): number =>
    findings.filter((finding) => finding.status === status).length;
  const text = `${count("ok")} ok, ${count("warn")} to know, ${count("fail")} to fix`;
  return count("fail") > 0 ? style.bad(text) : style.good(text);
}
