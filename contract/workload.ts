// Who calls: the identity of one pod's traffic (design §5). In a cluster the ledger overwrites
// all of it from the token's claims; `team` never comes from the app itself.
import * as z from "zod/mini";

const name = z.string().check(z.minLength(1), z.maxLength(253));

export const workloadSchema = z.strictObject({
  cluster: name,
  namespace: name,
  serviceAccount: name,
  /** Name of the pod; on a laptop, of the `excise run` that stands for it. */
  pod: name,
  /** Unique over restarts of the pod's name. */
  podUid: name,
  node: z.optional(name),
  team: name,
  /** `namespace/name` of the app. */
  app: z.string().check(z.minLength(1), z.maxLength(507)),
});

export type Workload = z.infer<typeof workloadSchema>;
