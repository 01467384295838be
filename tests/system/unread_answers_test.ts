/** Unread answers of one key beside those of another. */
import { assert, assertEquals } from "@std/assert";
import { type ClientHttp2Session, connect } from "node:http2";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/v1/envelope.ts";
import { formatKeysFile, type KeyRecord } from "../../src/keys/schema.ts";
import { importKey } from "../../src/protocol/secret_key.ts";
import { until, within } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";

const RIGHTS = { services: ["jeedom"], methods: ["eqLogic::all"] } as const;

/** Sends requests over HTTP/2 with a flow-control window of zero. */
async function askWithoutReading(session: ClientHttp2Session, { secret }: KeyRecord): Promise<void> {
  const payload = { jsonrpc: "eqLogic::all", timestamp: Date.now() / 1000 };
  const body = String(await sealEnvelope(await importKey(secret), JSON.stringify(payload), randomBytes));
  const request = session.request({ ":method": "POST", ":path": "/gateway" });
  request.on("error", () => {});
  request.end(body);
}

Deno.test("unread answers of one key are aborted without effect on another, with a log line and no stack trace", async () => {
  const large = "x".repeat(300_000);
  const jeedom = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { id, method } = await request.json();
    return Response.json({ jsonrpc: "2.0", id, result: method === "ping" ? "pong" : large });
  });
  const [greedy, modest] = [makeRecord({ name: "greedy", ...RIGHTS }), makeRecord({ name: "modest", ...RIGHTS })];
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/data`, { mode: 0o700 });
  await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([greedy, modest]), { mode: 0o600 });
  const gateway = await startGatewayProcess({
    ...UNLIMITED,
    JEEDOM_URL: `http://127.0.0.1:${jeedom.addr.port}`,
    JEEDOM_APIKEY: crypto.randomUUID(),
    JEEDOM_MAX_RESPONSE_BYTES: String(2 ** 20),
    // The share of a key is for the largest answer of any service.
    HTTP_MAX_RESPONSE_BYTES: String(2 ** 19),
    INFLUXDB_MAX_RESPONSE_BYTES: String(2 ** 20),
  }, { directory, key: modest.secret.toHex() });
  const sessions = [0, 1].map(() => connect(gateway.url, { settings: { initialWindowSize: 0 } }));
  for (const session of sessions) session.on("error", () => {});
  try {
    const { client } = gateway;
    const aborted = () => gateway.output.lines.filter((line) => line.includes("broken off")).length;
    const answered = async () => {
      const answers = await Promise.all([1, 2, 3].map(() => client.callJeedom("eqLogic::all")));
      for (const { body } of answers) assertEquals(JSON.stringify(body).includes(large), true);
    };
    for (let index = 0; index < 60; index++) {
      const [session] = index % 2 === 0 ? sessions : sessions.toReversed();
      if (session !== undefined) await askWithoutReading(session, greedy);
      if (index % 20 === 19) await within("the other key's answers", answered(), 20_000);
    }
    // Each takes 400 KB, and the share of a key is 4 MiB.
    await until("the greedy key's answers are aborted", () => aborted() >= 15);
    await within("the other key's answers", answered(), 20_000);
    assert(gateway.output.lines.filter((line) => line.includes("broken off")).every((line) => line.includes("greedy")));
  } finally {
    for (const session of sessions) session.destroy();
    await gateway.stop();
    await jeedom.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
  const noise = gateway.output.lines.filter((line) => !line.startsWith("{"));
  assertEquals(noise.filter((line) => /error|^\s+at /i.test(line)), []);
});
