/** A process that sends push messages is killed at each step of it: no message is sent twice, and each is accounted for. */
import { assert, assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../src/observability/log.ts";
import { SqliteState } from "../../src/store/state/sqlite_state.ts";
import { batchOf } from "../support/push_batch.ts";
import { HAS_OPENSSL } from "../support/certificate.ts";
import { needing } from "../support/needs.ts";
import { ProcessOutput } from "../support/process_output.ts";
import { TestPushService } from "../support/push_service.ts";
import { inTempDir } from "../support/temp_dir.ts";

const OWNER = { key: "phone", keyCreated: 1 };
const LIMITS = { now: 0, maxPerSubscription: 100, max: 1000, maxAlerts: 100 };

/** Folder with a state file and a certificate, and a push service. */
class KillTest {
  readonly #directory: string;
  readonly service: TestPushService;

  private constructor(directory: string, service: TestPushService) {
    this.#directory = directory;
    this.service = service;
  }

  static async start(directory: string): Promise<KillTest> {
    return new KillTest(directory, await TestPushService.startIn(directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
  }

  /** Adds a device with messages to the state file. */
  async queue(texts: readonly string[]): Promise<void> {
    const path = `${this.#directory}/state.db`;
    const state = new SqliteState({ path, files: Deno, mode: "strict", log: SILENT_LOG });
    const { endpoint, keys } = this.service.subscribe();
    const subscription = { ...OWNER, kid: "", endpoint, ...keys, kind: "web", created: 1 } as const;
    const id = await state.addSubscription({ ...subscription, id: "0123456789abcdef" }, { max: 5 }) ?? "";
    for (const text of texts) {
      const message = {
        subscription: id,
        alert: text,
        text,
        urgency: "normal",
        expires: Date.now() + 600_000,
      } as const;
      await state.enqueue(batchOf({ ...OWNER, id: text, at: 0, json: "{}" }, [message]), LIMITS);
    }
    await state.close();
  }

  /** Starts the program that sends. */
  run(stopAt: string): { readonly child: Deno.ChildProcess; readonly output: ProcessOutput } {
    const program = new URL("send_program.ts", import.meta.url).pathname;
    const paths = [`${this.#directory}/state.db`, `${this.#directory}/cert.pem`];
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", program, ...paths, this.service.host, stopAt],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return { child, output: new ProcessOutput(child) };
  }

  async kill({ child, output }: ReturnType<KillTest["run"]>): Promise<void> {
    child.kill("SIGKILL");
    await child.status;
    await output.ended;
  }

  /** Sends the rest, and returns the counts. */
  async sendRest(): Promise<Readonly<Record<string, number>>> {
    const running = this.run("");
    await running.output.line((line) => line === "empty");
    await this.kill(running);
    return countsOf(running.output);
  }
}

/** Returns the last counts that a program has printed. */
function countsOf({ lines }: ProcessOutput): Readonly<Record<string, number>> {
  return JSON.parse(lines.filter((line) => line.startsWith("{")).at(-1) ?? "{}");
}

for (
  const { step, received, counts } of [
    { step: "claimed", received: ["b", "c"], counts: { interrupted: 1, sent: 2 } },
    { step: "connecting", received: ["b", "c"], counts: { interrupted: 1, sent: 2 } },
    { step: "connected", received: ["b", "c"], counts: { interrupted: 1, sent: 2 } },
    { step: "received", received: ["a", "b", "c"], counts: { interrupted: 1, sent: 2 } },
    { step: "answered", received: ["a", "b", "c"], counts: { interrupted: 1, sent: 2 } },
    { step: "ended", received: ["a", "b"], counts: { interrupted: 1, gone: 2 } },
    { step: "settled", received: ["a", "b", "c"], counts: { sent: 2 } },
  ]
) {
  Deno.test({
    ...needing(
      `PushSender sends nothing twice and counts each message when its process is killed at the step "${step}"`,
      { openssl: HAS_OPENSSL },
    ),
    fn: () =>
      inTempDir(async (directory) => {
        await using test = await KillTest.start(directory);
        await test.queue(["a", "b", "c"]);
        if (step === "received") test.service.answers.push("hang");
        if (step === "ended") test.service.answers.push({ status: 410 }, { status: 410 });
        const killed = test.run(step);
        if (step === "received") await test.service.until(1);
        else await killed.output.line((line) => line === `at ${step}`);
        await test.kill(killed);
        assertEquals(await test.sendRest(), counts);
        assertEquals(test.service.received.map(({ text }) => text), received);
      }),
  });
}

Deno.test({
  ...needing("PushSender sends nothing twice and counts each message when its process is killed again and again", {
    openssl: HAS_OPENSSL,
  }),
  fn: () =>
    inTempDir(async (directory) => {
      await using test = await KillTest.start(directory);
      const texts = Array.from({ length: 40 }, (_, index) => `message ${index}`);
      await test.queue(texts);
      let interrupted = 0;
      for (const received of [3, 9, 17, 28]) {
        const running = test.run("");
        await test.service.until(received);
        await test.kill(running);
        interrupted += countsOf(running.output)["interrupted"] ?? 0;
      }
      const { interrupted: last = 0, ...rest } = await test.sendRest();
      const all = test.service.received.map(({ text }) => text);
      assertEquals(all, texts.filter((text) => all.includes(text)), "each once, in their order");
      assert(all.length >= texts.length - interrupted - last, `${all.length}, ${interrupted} and ${last}`);
      assertEquals(Object.keys(rest), ["sent"]);
    }),
});
