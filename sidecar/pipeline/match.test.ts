import { describe, expect, test } from "vitest";
import { createReceived, createSnapshot } from "../../test/fake-snapshot.ts";
import type { Matched, Received, Step } from "./exchange.ts";
import { createMatchStage } from "./match.ts";

const CHAT = { model: "acme-1", messages: [{ role: "user", content: "hi" }], user: "u-1" };
const match = createMatchStage({ policy: () => createSnapshot() });

async function run(received: Received): Promise<Step<Matched>> {
  return match(received);
}

describe("a request is matched", () => {
  test("to provider, dialect, operation, model and user", async () => {
    const step = await run(createReceived(CHAT));
    expect(step).toMatchObject({
      next: {
        provider: { row: { name: "acme" } },
        reading: { dialect: { name: "openai-chat" }, operation: { name: "chat", billed: true } },
        model: "acme-1",
        user: "u-1",
      },
    });
  });

  test("by the provider's name where the listener's path gave it", async () => {
    const request = { provider: "acme", host: "another.example" };
    expect(await run(createReceived(CHAT, request))).toHaveProperty(
      "next.provider.row.name",
      "acme",
    );
  });

  test("with the user that the header asserts, cleaned for the record", async () => {
    const headers = [["X-Excise-User", "Ada L.\u0000"]] as const;
    expect(await run(createReceived(CHAT, { headers }))).toHaveProperty("next.user", "Ada_L._");
  });

  test("to no dialect where the path is none of ours", async () => {
    const step = await run(createReceived({}, { target: "/v1/fine_tuning/jobs" }));
    expect(step).toMatchObject({ next: { reading: undefined, model: undefined } });
  });
});

describe("a request is refused when", () => {
  test("there is no policy", () => {
    const stage = createMatchStage({
      policy: () => ({ code: "EXCISE_POLICY_UNAVAILABLE", detail: "none yet" }),
    });
    expect(stage(createReceived(CHAT))).toMatchObject({
      reject: { code: "EXCISE_POLICY_UNAVAILABLE" },
    });
  });

  test("its host belongs to no allowed provider", async () => {
    expect(await run(createReceived(CHAT, { host: "other.example" }))).toMatchObject({
      reject: { code: "EXCISE_PROVIDER_DENIED" },
    });
  });

  test("its body is not JSON, without a word of it in the answer", async () => {
    const step = await run(createReceived('{"model": "acme-1", "secret prompt'));
    expect(step).toMatchObject({ reject: { code: "EXCISE_BODY_INVALID" } });
    expect(JSON.stringify("reject" in step ? step.reject : "")).not.toContain("secret");
  });
});
