/** The simulated Jeedom on a port of loopback. */
import { House } from "../../src/demo/house.ts";
import { createSimulatedJeedom } from "../../src/demo/simulated_jeedom.ts";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface JeedomServer {
  readonly url: string;
  readonly apikey: string;
  readonly house: House;
  /** The requests it got. */
  readonly requests: Request[];
  stop(): Promise<void>;
}

/** Starts a simulated Jeedom. */
export function startJeedom(): JeedomServer {
  const apikey = crypto.randomUUID();
  const now = () => Date.now();
  const house = new House(now);
  const handler = createSimulatedJeedom({ apikey, house, now });
  const requests: Request[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push(request.clone());
    return handler(request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    apikey,
    house,
    requests,
    stop: () => server.shutdown(),
  };
}
