/** Home Assistant's own client works unchanged with the simulated Home Assistant: the simulation is honest. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  callService,
  type Connection,
  createConnection,
  createLongLivedTokenAuth,
  ERR_INVALID_AUTH,
  getConfig,
  getServices,
  getStates,
  getUser,
  type HassEntities,
  subscribeEntities,
} from "home-assistant-js-websocket";
import { until, within } from "../support/deadline.ts";
import { type HomeAssistantPort, startHomeAssistant } from "../support/home_assistant_server.ts";

/** Connects the client to the simulation, and closes both. */
function withClient(work: (connection: Connection, port: HomeAssistantPort) => Promise<void>): () => Promise<void> {
  return async () => {
    await using port = startHomeAssistant();
    const connection = await createConnection({ auth: createLongLivedTokenAuth(port.url, port.token) });
    try {
      await within("the test", work(connection, port));
    } finally {
      connection.close();
      await until("all connections are closed", () => port.simulated.connections === 0);
    }
  };
}

Deno.test(
  "client reads states, configuration, services and user",
  withClient(async (connection, { home }) => {
    const states = await getStates(connection);
    assertEquals(states.map(({ entity_id }) => entity_id), home.states().map(({ entity }) => entity));
    assertEquals((await getConfig(connection)).state, "RUNNING");
    assertEquals((await getServices(connection))["light"]?.["turn_on"]?.target, { entity: [{ domain: ["light"] }] });
    assert((await getUser(connection)).is_admin);
    await connection.ping();
  }),
);

Deno.test(
  "client calls services, with and without an answer",
  withClient(async (connection, { home, simulated }) => {
    await callService(connection, "light", "turn_on", { brightness: 9 }, { entity_id: "light.kitchen" });
    assertEquals(home.state("light.kitchen")?.attributes["brightness"], 9);
    const target = { "entity_id": "weather.home" };
    const answer = await callService(connection, "weather", "get_forecasts", { type: "daily" }, target, true);
    assert(JSON.stringify(answer).includes('"response":{"weather.home":{"forecast":'));
    const fault = await callService(connection, "light", "explode").catch((error) => error);
    assertEquals(fault, { code: "not_found", message: "Service light.explode not found." });
    assertEquals(simulated.calls.map(({ service }) => service), ["turn_on", "get_forecasts", "explode"]);
  }),
);

Deno.test(
  "client follows entities that change, lose attributes, appear and disappear, and again after a lost connection",
  withClient(async (connection, { home, simulated }) => {
    let entities: HassEntities = {};
    subscribeEntities(connection, (next) => entities = next);
    const isCurrent = () => {
      const expected = home.states().map(({ entity, state, attributes }) => [entity, state, attributes]);
      const seen = Object.values(entities).map(({ entity_id, state, attributes }) => [entity_id, state, attributes]);
      return JSON.stringify(seen.map((one) => JSON.stringify(one)).sort()) ===
        JSON.stringify(expected.map((one) => JSON.stringify(one)).sort());
    };
    await until("initial states are there", isCurrent);
    home.set("sensor.power", { state: "500" });
    home.set("sensor.power", { state: "500", attributes: { unit: "kW" } });
    home.set("sensor.new", { state: "1" });
    home.remove("lock.front_door");
    await callService(connection, "light", "turn_on", {}, { entity_id: "all" });
    await until("changes are there", isCurrent);
    assert(entities["light.kitchen"]?.context.user_id !== null);

    simulated.dropConnections();
    home.set("sensor.power", { state: "600" });
    await until("changes of before the new connection are there", isCurrent);
  }),
);

Deno.test("client is refused with a wrong token, and after its token was withdrawn", async () => {
  await using port = startHomeAssistant();
  const connect = (token: string) => createConnection({ auth: createLongLivedTokenAuth(port.url, token) });
  assertEquals(await connect("wrong").catch((error) => error), ERR_INVALID_AUTH);
  const connection = await connect(port.token);
  const refused = new Promise((resolve) =>
    connection.addEventListener("reconnect-error", (_, error) => resolve(error))
  );
  port.simulated.invalidateToken();
  assertEquals(await within("the new connection is refused", refused), ERR_INVALID_AUTH);
  await until("all connections are closed", () => port.simulated.connections === 0);
  await assertRejects(() => connect(port.token).then(() => {}, (error) => Promise.reject(new Error(String(error)))));
});
