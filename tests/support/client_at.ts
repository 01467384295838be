/** Client behind a trusted proxy. */
import { GatewayClient } from "../../src/client/gateway_client.ts";

/** Creates a client whose requests have an address in `X-Forwarded-For`. */
export function clientAt(address: string, { url, key }: { readonly url: string; readonly key: string }): GatewayClient {
  return new GatewayClient({
    url,
    key,
    protocol: 2,
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, "X-Forwarded-For": address } }),
  });
}
