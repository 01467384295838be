/** The simulated Jeedom on a port of loopback. */
import { SimulatedHome } from "../../src/demo/simulated_home.ts";
import {
  createSimulatedJeedom,
  type SimulatedJeedom,
  type SimulatedJeedomOptions,
} from "../../src/demo/simulated_jeedom.ts";
import { PING } from "../../src/services/jeedom/health.ts";

/** A Jeedom to point `JEEDOM_URL` at. */
export interface JeedomServer {
  readonly url: string;
  readonly apikey: string;
  readonly house: SimulatedHome;
  /** The requests it got, without the gateway's own checks whether it is there. */
  readonly requests: Request[];
  /** Its state, and what it has under way. */
  readonly simulated: SimulatedJeedom;
  stop(): Promise<void>;
}

/** What may be different. */
export interface JeedomServerOptions
  extends Partial<Pick<SimulatedJeedomOptions, "pollEveryMs" | "workers" | "isLarge">> {
  /** The certificate of a Jeedom with HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts a simulated Jeedom whose polls look for changes all the time. */
export function startJeedom({ tls, ...options }: JeedomServerOptions = {}): JeedomServer {
  const apikey = crypto.randomUUID();
  const now = () => Date.now();
  const house = new SimulatedHome(now);
  const simulated = createSimulatedJeedom({ apikey, home: house, now, pollEveryMs: 20, ...options });
  const requests: Request[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, async (request) => {
    const kept = request.clone();
    if (await request.clone().text() !== PING) requests.push(kept);
    return simulated.handle(request);
  });
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${server.addr.port}`,
    apikey,
    house,
    requests,
    simulated,
    stop() {
      simulated.close();
      return server.shutdown();
    },
  };
}
