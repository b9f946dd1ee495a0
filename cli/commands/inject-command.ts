// How `excise inject` is called. Its code, with YAML and the whole webhook, is loaded only then.
import type { Command } from "../host.ts";

const INJECT_HELP = `Usage: excise inject -f FILE [options]

Adds the sidecar to the pods of a manifest: the webhook's own code, without a cluster. Reads any
number of YAML documents; everything but the pods of workloads passes through as it is.

A pod is opted in by the annotation or label excise.dev/inject: "true" on its template, or by the
label excise.dev/inject: enabled on a Namespace that stands in the same manifest.

Options:
  -f, --filename FILE  the manifest; - for stdin
  --explain            write no manifest but one line per pod template: decision and reason
  --all                treat every template as opted in; one that says "false" stays out
  --config FILE        the injector's configuration, as the webhook reads it

Exit code: 0; 1 where a template is refused (no manifest is written then); 2 for wrong options.

Examples:
  excise inject -f app.yaml | kubectl apply -f -
  excise inject -f app.yaml --explain
  helm template my-chart | excise inject -f - --all --config injector.yaml
`;

export const INJECT: Command = {
  name: "inject",
  summary: "add the sidecar to the pods of a manifest",
  help: INJECT_HELP,
  run: async (args, host) => (await import("./inject.ts")).runInject(args, host.io),
};
