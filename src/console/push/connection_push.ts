/**
 * Requests for push messages over the connection of the page.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import type { GatewayPush } from "./registration.ts";

/** Returns the time of the gateway, in milliseconds since 1970: that of alerts. */
export function gatewayTime({ clockDifference }: Pick<Connection, "clockDifference">, now: number): number {
  return now + (clockDifference.peek() ?? 0);
}

/** Makes the requests of a connection. What the page shows of them has neither endpoint nor keys. */
export function connectionPush(connection: Pick<Connection, "request">): GatewayPush {
  const service = "push";
  return {
    push: () => connection.request({ service }, (client) => client.push()),
    pushSubscribe: (subscription) =>
      connection.request(
        { service, subscribe: { kind: subscription.kind, label: subscription.label } },
        (client) => client.pushSubscribe(subscription),
      ),
    pushUnsubscribe: (id) => connection.request({ service, remove: id }, (client) => client.pushUnsubscribe(id)),
  };
}
