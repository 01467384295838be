import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Jeedom, startJeedom } from "../../tools/support/faulty_jeedom.ts";
import { until } from "../support/deadline.ts";

interface World {
  readonly jeedom: Jeedom;
  /** Numbers of commands that ran. */
  readonly ran: string[];
  /** Sends a command. */
  ask(number: string, signal?: AbortSignal): Promise<Response>;
  /** The same, and reads the answer's text. */
  call(number: string, signal?: AbortSignal): Promise<string>;
}

async function withJeedom(test: (world: World) => Promise<void>): Promise<void> {
  const ran: string[] = [];
  const jeedom = await startJeedom(({ body }) => {
    const number: string = JSON.parse(body).params.id;
    ran.push(number);
    return number;
  });
  const client = Deno.createHttpClient({});
  const ask = (number: string, signal: AbortSignal | null = null) => {
    const json = JSON.stringify({ jsonrpc: "2.0", id: 99_999, method: "cmd::execCmd", params: { id: number } });
    // A blob, as Deno sends a text once more by itself when the connection is closed before the answer.
    return fetch(jeedom.url, { method: "POST", body: new Blob([json]), client, signal });
  };
  try {
    await test({ jeedom, ran, ask, call: async (number, signal) => await (await ask(number, signal)).text() });
  } finally {
    client.close();
    await jeedom.die();
  }
}

const answerTo = (number: string) => JSON.stringify({ jsonrpc: "2.0", id: 99_999, result: number });

Deno.test("startJeedom() runs each command once and answers with its number", () =>
  withJeedom(async ({ ran, call }) => {
    assertEquals([await call("1"), await call("2")], [answerTo("1"), answerTo("2")]);
    assertEquals(ran, ["1", "2"]);
  }));

Deno.test("startJeedom() runs what waited while it was frozen", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.mood = "frozen";
    const waiting = call("1");
    await assertRejects(() => call("2", AbortSignal.timeout(100)));
    assertEquals(ran, []);
    jeedom.mood = "well";
    assertEquals(await waiting, answerTo("1"));
    await until("the one that was given up runs, too", () => ran.length === 2);
  }));

Deno.test("startJeedom() runs nothing once it is dead, and is itself again when it is revived", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    await jeedom.die();
    await assertRejects(() => call("1"), TypeError);
    await jeedom.revive();
    assertEquals(await call("2"), answerTo("2"));
    assertEquals(ran, ["2"]);
  }));

Deno.test("startJeedom() hangs up under requests when it is leaving, in turn before and after they run", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.mood = "leaving";
    const outcomes: boolean[] = [];
    for (let number = 0; number < 8; number++) {
      outcomes.push(await call(String(number)).then(() => true, () => false));
    }
    const failed = outcomes.map((isGood, number) => isGood ? "" : String(number)).filter((number) => number !== "");
    assert(failed.some((number) => ran.includes(number)), "None ran that was not answered");
    assert(failed.some((number) => !ran.includes(number)), "All ran that were not answered");
    assertEquals(new Set(ran).size, ran.length);
  }));

Deno.test("startJeedom() runs a command and answers something else when its mood is garbage", () =>
  withJeedom(async ({ jeedom, ran, call }) => {
    jeedom.mood = "garbage";
    for (const number of ["1", "2"]) assert(await call(number).catch(() => "no HTTP") !== answerTo(number));
    assertEquals(ran, ["1", "2"]);
  }));

Deno.test("startJeedom() runs a command and answers with more than 8 MiB when its mood is huge", () =>
  withJeedom(async ({ jeedom, ran, ask }) => {
    jeedom.mood = "huge";
    const { body } = await ask("1");
    let bytes = 0;
    // Leaving the loop cancels the rest.
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > 8 * 2 ** 20) break;
    }
    assert(bytes > 8 * 2 ** 20);
    assertEquals(ran, ["1"]);
  }));
