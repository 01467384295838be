/** The simulated Jeedom on a port of loopback. */
import { House } from "../../src/demo/house.ts";
import { createSimulatedJeedom } from "../../src/demo/simulated_jeedom.ts";
import { PING } from "../../src/services/jeedom_check.ts";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface JeedomServer {
  readonly url: string;
  readonly apikey: string;
  readonly house: House;
  /** The requests it got, without the gateway's own checks whether it is there. */
  readonly requests: Request[];
  stop(): Promise<void>;
}

/** Starts a simulated Jeedom, with HTTPS where it is given a certificate. */
export function startJeedom(tls?: { readonly cert: string; readonly key: string }): JeedomServer {
  const apikey = crypto.randomUUID();
  const now = () => Date.now();
  const house = new House(now);
  const handler = createSimulatedJeedom({ apikey, house, now });
  const requests: Request[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, async (request) => {
    const kept = request.clone();
    if (await request.clone().text() !== PING) requests.push(kept);
    return handler(request);
  });
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}`,
    apikey,
    house,
    requests,
    stop: () => server.shutdown(),
  };
}
