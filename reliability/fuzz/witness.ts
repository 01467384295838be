/** A broker and a Jeedom that count what reaches them, and notice what never should. */
import { connectAsync } from "mqtt";
import { startBroker } from "../../tests/system/broker.ts";
import { JEEDOM_RESULT } from "./judge.ts";

/** Both, running. */
export interface Witness {
  /** Settings that lead a gateway to them. */
  readonly env: Readonly<Record<string, string>>;
  /** What has reached them so far. */
  readonly count: { publish: number; call: number };
  /** What should not have, in words. */
  readonly faults: string[];
  /** Stops both. */
  stop(): Promise<void>;
}

/** Topics that docs/protocol.md rules out; the broker itself would let some of them pass. */
// deno-lint-ignore no-control-regex
const FORBIDDEN_TOPIC = /^\$|^$|[+#\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]|\ufffd/;
const MAX_LEVELS = 100;

/** Starts both. */
export async function startWitness(): Promise<Witness> {
  const count = { publish: 0, call: 0 };
  const faults: string[] = [];
  // What is queued for the observer must not be dropped.
  const broker = await startBroker(["allow_anonymous true", "max_queued_messages 0", "max_packet_size 2000000"]);
  const observer = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0 });
  observer.on("message", (topic, _payload, packet) => {
    if (packet.retain) return;
    count.publish += 1;
    if (FORBIDDEN_TOPIC.test(topic) || topic.split("/").length > MAX_LEVELS) {
      faults.push(`Published to ${JSON.stringify(topic.slice(0, 200))}`);
    }
  });
  await observer.subscribeAsync("#", { qos: 0 });
  await observer.subscribeAsync("$share/fuzz/$SYS/fuzz", { qos: 0 });

  const jeedom = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const text = await request.text();
    // The gateway asks by itself whether Jeedom is well.
    if (/"method":"(ping|version)"/.test(text) && !text.includes("apikey")) {
      return Response.json({ jsonrpc: "2.0", id: 99999, result: "pong" });
    }
    count.call += 1;
    const fault = faultOfCall(new URL(request.url).pathname, text);
    if (fault !== undefined) faults.push(`${fault}: ${text.slice(0, 200)}`);
    return Response.json({ jsonrpc: "2.0", id: 99999, result: JEEDOM_RESULT });
  });
  return {
    env: {
      JEEDOM_URL: `http://127.0.0.1:${jeedom.addr.port}`,
      JEEDOM_APIKEY: "fuzz",
      MQTT_BROKER_HOST: broker.host,
      MQTT_BROKER_PORT: String(broker.port),
    },
    count,
    faults,
    async stop() {
      await observer.endAsync(true);
      await jeedom.shutdown();
      await broker.stop();
    },
  };
}

function faultOfCall(path: string, text: string): string | undefined {
  if (!/^(\/[\w~-][\w~.-]*)+$/.test(path)) return `Called ${JSON.stringify(path)}`;
  try {
    const { jsonrpc, id, method, params } = JSON.parse(text);
    if (jsonrpc !== "2.0" || id !== 99999 || !/^[\w:.-]{1,128}$/.test(method)) return "Not such a call";
    if (typeof params !== "object" || Array.isArray(params)) return "Parameters are no object";
    if ("polluted" in {} || params.polluted !== undefined) return "Prototype polluted";
    if (params.marker !== undefined && Object.keys(params).join() !== "apikey,marker") return "Parameters added";
    return undefined;
  } catch {
    return "Call is not JSON";
  }
}
