/** Counts messages at a broker and calls at a Jeedom, and checks that they are allowed. */
import type { TestBroker } from "../../tests/support/broker.ts";
import type { SimulatedCall } from "../../src/demo/simulated_jeedom.ts";
import { startFaultyJeedom } from "../support/faulty_jeedom.ts";
import { observe } from "../support/observer.ts";
import { JEEDOM_RESULT } from "./check_answer.ts";

/** Observer of a broker and a Jeedom. */
export interface BackendObserver {
  /** Settings of a gateway that uses them. */
  readonly env: Readonly<Record<string, string>>;
  /** Messages and calls so far. */
  readonly count: { publish: number; call: number };
  /** Messages and calls that the gateway must not pass on. */
  readonly faults: string[];
  /** Disconnects from the broker and stops Jeedom. */
  stop(): Promise<void>;
}

/** Topics that docs/protocol.md forbids; the broker itself accepts some of them. */
// deno-lint-ignore no-control-regex
const FORBIDDEN_TOPIC = /^\$|^$|[+#\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]|\ufffd/;
const MAX_LEVELS = 100;

/** Starts a Jeedom, and observes it and the broker. */
export async function startBackendObserver(broker: Pick<TestBroker, "host" | "port">): Promise<BackendObserver> {
  const count = { publish: 0, call: 0 };
  const faults: string[] = [];
  const stopObserver = await observe(broker, {
    filters: ["#", "$share/fuzz/$SYS/fuzz"],
    onMessage({ topic, isRetained }) {
      if (isRetained) return;
      count.publish += 1;
      if (FORBIDDEN_TOPIC.test(topic) || topic.split("/").length > MAX_LEVELS) {
        faults.push(`Published to ${JSON.stringify(topic.slice(0, 200))}`);
      }
    },
  });
  const jeedom = await startFaultyJeedom((call) => {
    count.call += 1;
    const fault = faultOfCall(call);
    if (fault !== undefined) faults.push(`${fault}: ${call.body.slice(0, 200)}`);
    return { result: JEEDOM_RESULT, marker: /"marker":(\d+)/.exec(call.body)?.[1] };
  });
  return {
    env: {
      JEEDOM_URL: jeedom.url,
      JEEDOM_APIKEY: "fuzz",
      MQTT_BROKER_HOST: broker.host,
      MQTT_BROKER_PORT: String(broker.port),
    },
    count,
    faults,
    async stop() {
      await stopObserver();
      await jeedom.stop();
    },
  };
}

function faultOfCall({ path, body }: SimulatedCall): string | undefined {
  if (!/^(\/[\w~-][\w~.-]*)+$/.test(path)) return `Called ${JSON.stringify(path)}`;
  try {
    const { jsonrpc, id, method, params } = JSON.parse(body);
    if (jsonrpc !== "2.0" || id !== 99999 || !/^[\w:.-]{1,128}$/.test(method)) return "Malformed call";
    if (typeof params !== "object" || Array.isArray(params)) return "Parameters are not an object";
    if ("polluted" in {} || params.polluted !== undefined) return "Prototype polluted";
    if (params.marker !== undefined && Object.keys(params).join() !== "apikey,marker") return "Parameters added";
    return undefined;
  } catch {
    return "Call is not JSON";
  }
}
