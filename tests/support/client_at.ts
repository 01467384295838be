/** A client behind a proxy that is trusted to say where it is. */
import { GatewayClient } from "../../src/client/gateway_client.ts";

/** Makes a client whose requests count for an address. */
export function clientAt(address: string, { url, key }: { readonly url: string; readonly key: string }): GatewayClient {
  return new GatewayClient({
    url,
    key,
    protocol: 2,
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, "X-Forwarded-For": address } }),
  });
}
