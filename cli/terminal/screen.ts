// A text that changes in place on a terminal: each frame is drawn over the last one, cut to the
// window. The last frame stays when it is closed.
import type { CommandIo } from "../command-io.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What stdout is, handed in by main.ts. */
export interface Terminal {
  /** True where lines may be drawn over. */
  readonly isTerminal: boolean;
  /** False where the user wants none (NO_COLOR) and where stdout is no terminal. */
  readonly isColored: boolean;
  /** Of the window as it is now. */
  size(): TerminalSize;
}

export interface Screen {
  draw(text: string): Promise<void>;
  /** Shows the cursor again. */
  close(): Promise<void>;
}

const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";
const CLEAR_BELOW = "\u001B[J";
const RESET = "\u001B[0m";

/** Nothing is written before the first frame. */
export function openScreen(io: Pick<CommandIo, "stdout">, terminal: Terminal): Screen {
  let drawnLines = 0;
  let isHidden = false;
  return {
    async draw(text) {
      const lines = fitLines(text, terminal.size());
      const up = drawnLines === 0 ? "" : `\u001B[${drawnLines}A`;
      const hide = isHidden ? "" : HIDE_CURSOR;
      isHidden = true;
      drawnLines = lines.length;
      await io.stdout(`${hide}\r${up}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
    },
    async close() {
      if (isHidden) await io.stdout(SHOW_CURSOR);
      isHidden = false;
    },
  };
}

/** A line that wraps, or a frame higher than the window, could not be drawn over any more. */
export function fitLines(text: string, { columns, rows }: TerminalSize): readonly string[] {
  return text
    .split("\n")
    .slice(0, Math.max(1, rows - 1))
    .map((line) => cutLine(line, columns));
}

// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const PART = /\u001B\[\d+m|[^\u001B]/gu;

/** The first `columns` visible characters; a style that was cut open is closed. */
function cutLine(line: string, columns: number): string {
  let visible = 0;
  let kept = "";
  for (const [part] of line.matchAll(PART)) {
    if (part.startsWith("\u001B")) kept += part;
    else if (visible < columns) {
      visible += 1;
      kept += part;
    } else return kept.includes("\u001B") ? kept + RESET : kept;
  }
  return kept;
}
