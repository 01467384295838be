/** Load of what a key may read of Jeedom. */
import { assertEquals, assertRejects } from "@std/assert";
import { FailedError, GatewayError, RateLimitError, UnreachableError } from "@e2e-gateway/client";
import { ServiceRefusal } from "../../../src/console/commands/service_refusal.ts";
import { jeedomAccess } from "../../../src/console/screens/jeedom/access.ts";
import { cardGroups } from "../../../src/console/screens/jeedom/cards.ts";
import { type Call, loadHome } from "../../../src/console/screens/jeedom/load_home.ts";

const command = (id: number, more: Record<string, unknown> = {}) => ({
  id: String(id),
  name: `Command ${id}`,
  type: "info",
  subType: "numeric",
  ...more,
});

const scenario = (id: number) => ({ id, name: `Scenario ${id}`, isActive: "1", state: "stop" });

/** Loads with some rights, from a Jeedom that answers by `answer`; also returns the waits. */
async function load(jeedom: Record<string, unknown>, answer: (method: string, id: unknown) => unknown) {
  const waits: number[] = [];
  const call: Call = async (method, params) => await answer(method, params?.["id"]);
  const wait = (ms: number) => {
    waits.push(ms);
    return Promise.resolve();
  };
  const home = await loadHome({ access: jeedomAccess({ rights: { jeedom } }), call, wait });
  const groups = home === undefined ? [] : cardGroups(home, { noRoom: "Commands", scenarios: "Scenarios" });
  return { home, waits, shown: groups.map(({ name, cards }) => [name, ...cards.map(({ id }) => id)]) };
}

const ROOM = { id: 1, name: "Hall", eqLogics: [{ id: 2, name: "Lamp", cmds: [command(3)] }] };

Deno.test("loadHome() loads rooms and scenarios, and rooms alone where Jeedom refuses the scenarios", async () => {
  const answers: Record<string, unknown> = { "jeeObject::full": [ROOM], "scenario::all": [scenario(7)] };
  assertEquals((await load({ methods: ["*"] }, (method) => answers[method])).shown, [
    ["Hall", "equipment 2"],
    ["Scenarios", "scenario 7"],
  ]);
  for (const error of [new ServiceRefusal("forbidden", -32_000), new FailedError("x")]) {
    const { shown } = await load({ methods: ["*"] }, (method) => {
      if (method === "scenario::all") throw error;
      return answers[method];
    });
    assertEquals(shown, [["Hall", "equipment 2"]]);
  }
  const { home } = await load({ methods: ["*"] }, () => "ok");
  assertEquals(home, { rooms: [], scenarios: [], left: 0 });
  assertEquals((await load({ methods: ["*"] }, () => ({ error: 1 }))).home, undefined);
});

Deno.test("loadHome() groups commands by their equipment where the key may not read rooms", async () => {
  const all = [command(1, { eqLogic_id: "5" }), command(2, { eqLogic_id: 6 }), command(3, { eqLogic_id: 5 }), null];
  const { home } = await load({ methods: ["cmd::all"] }, () => all);
  assertEquals(home?.rooms.map(({ equipment }) => equipment.map(({ infos }) => infos.map(({ id }) => id))), [
    [[1, 3], [2]],
  ]);
});

Deno.test("loadHome() asks a limited key's commands and scenarios one by one, without those that Jeedom refuses", async () => {
  const rights = { methods: ["*"], commands: [1, 2, 3], scenarios: [7] };
  const { home, shown } = await load(rights, (method, id) => {
    if (id === 2) throw new ServiceRefusal("unknown", 701);
    return method === "cmd::byId" ? command(Number(id)) : scenario(Number(id));
  });
  assertEquals(home?.rooms[0]?.equipment[0]?.infos.map(({ id }) => id), [1, 3]);
  assertEquals(shown.at(-1), ["Scenarios", "scenario 7"]);
});

Deno.test("loadHome() shows only what a key may run where it may not ask what that is", async () => {
  const { home } = await load({ methods: ["cmd::execCmd"], commands: [31] }, () => {
    throw new Error("Nothing may be asked");
  });
  const [action] = home?.rooms[0]?.equipment[0]?.actions ?? [];
  assertEquals([action?.name, action?.asksConfirmation], ["#31", true]);
  const { home: other } = await load({ methods: ["scenario::changeState"], commands: [31], scenarios: [7] }, () => 1);
  assertEquals([other?.rooms, other?.scenarios.map(({ name, isUnknown }) => [name, isUnknown])], [[], [["#7", true]]]);
});

Deno.test("loadHome() waits for the rate limit of the key, and says how many commands it leaves out", async () => {
  let refusals = 3;
  const commands = Array.from({ length: 130 }, (_, index) => index + 1);
  const { home, waits } = await load({ methods: ["*"], commands }, (_method, id) => {
    if (id === 61 && refusals-- > 0) throw new RateLimitError("x", { retryAfterMs: 2500 });
    return command(Number(id));
  });
  assertEquals(waits, [2500, 2500, 2500]);
  assertEquals([home?.rooms[0]?.equipment[0]?.infos.length, home?.left], [100, 30]);
  const busy = () => Promise.reject(new RateLimitError("x"));
  await assertRejects(() => load({ methods: ["*"], commands: [1] }, busy), GatewayError);
  const gone = () => Promise.reject(new UnreachableError("x"));
  await assertRejects(() => load({ methods: ["*"], commands: [1] }, gone), UnreachableError);
});
