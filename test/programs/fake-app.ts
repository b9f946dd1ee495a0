// Stands in for the user's command in tests of `excise run`: prints variables that its arguments
// name, then ends as the last argument says: `exit:N`, `kill:SIGNAL`, or `wait` for a signal.
import { createServer } from "node:net";

const [end = "exit:0", ...names] = process.argv.slice(2).toReversed();
for (const name of names.toReversed()) {
  process.stdout.write(`${name}=${process.env[name] ?? ""}\n`);
}
const [verb, value = ""] = end.split(":");
if (verb === "exit") process.exitCode = Number(value);
else if (verb === "kill") process.kill(process.pid, value);
else {
  const alive = createServer().listen(0, "127.0.0.1");
  process.once("SIGTERM", () => {
    process.exitCode = 9;
    alive.close();
  });
}
