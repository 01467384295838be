/**
 * Jeedom: calls of its JSON-RPC API.
 *
 * @module
 */
import type { ServiceModule } from "../service.ts";
import { createJeedomCheck } from "./health.ts";
import { openJeedomFetch } from "./open_jeedom.ts";
import { JEEDOM_RIGHTS } from "./rights.ts";
import { createJeedomService, JEEDOM, type JeedomOptions } from "./service.ts";

/** Jeedom's web server closes a connection after 5 s of silence: it is closed before, in milliseconds. */
const POOL_IDLE_MS = 4000;

/** The service. */
export const jeedom: ServiceModule = {
  name: JEEDOM,
  dependency: "jeedom",
  secrets: ["JEEDOM_APIKEY"],
  rights: JEEDOM_RIGHTS,
  allowNet: ({ JEEDOM_URL: { hostname, port, protocol } }) => [
    `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`,
  ],
  async create({ config, platform, log, monotonic, checkTimeoutMs, resources }) {
    const client = platform.createHttpClient({ poolIdleTimeout: POOL_IDLE_MS });
    resources.defer(() => client.close());
    const fetch = await openJeedomFetch(config, {
      files: platform.files,
      fetch: (input, init) => platform.fetch(input, { ...init, client }),
    });
    const closing = new AbortController();
    resources.defer(() => closing.abort());
    const options: JeedomOptions = {
      url: config.JEEDOM_URL,
      apikey: config.JEEDOM_APIKEY,
      fetch,
      timeoutMs: config.JEEDOM_TIMEOUT_MS,
      longPollMaxSeconds: config.JEEDOM_LONG_POLL_MAX_SECONDS,
      maxResponseBytes: config.JEEDOM_MAX_RESPONSE_BYTES,
      maxPolls: config.JEEDOM_MAX_POLLS,
      maxPollsPerKey: config.JEEDOM_MAX_POLLS_PER_KEY,
      log,
      monotonic,
      closeSignal: closing.signal,
    };
    const timeoutMs = Math.min(options.timeoutMs, checkTimeoutMs);
    return {
      service: createJeedomService(options),
      check: createJeedomCheck({ url: options.url, fetch, timeoutMs }),
    };
  },
};
