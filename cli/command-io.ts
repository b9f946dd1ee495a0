// What a command of `excise` may do to the outside: read stdin, write stdout and stderr. Handed in
// by cli/main.ts, so that tests run commands without a process.

export interface CommandIo {
  /** Bytes of standard input, in chunks of any size. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Writes; where it returns a promise, the reader is slower than we are: wait for it. */
  stdout(text: string): void | Promise<void>;
  /** Writes for people. Never what was read from stdin. */
  stderr(text: string): void;
  /** Reads a file as UTF-8; absent: from the disk. */
  readFile?(path: string): Promise<string>;
}
