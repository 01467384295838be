/** Growth of the connection to a broker: the longest turn of the event loop while filters are requested. */
import { startEmbeddedBroker } from "../../../../src/demo/embedded_broker.ts";
import { createConnectBroker } from "../../../../src/mqtt/connect.ts";
import type { GrowthCase } from "../growth_case.ts";
import { filtersOf } from "../hub_under_load.ts";
import { turnsUntil } from "../time_of.ts";

const filtersAtBroker: GrowthCase = {
  name: "filters-at-the-broker",
  sizes: [1_250, 2_500, 5_000, 10_000],
  unit: "filters that are requested and given up, longest turn of the loop",
  async measure(size) {
    const broker = await startEmbeddedBroker(0);
    const connect = createConnectBroker({ keepaliveSeconds: 60, addressFault: () => undefined });
    const connection = await connect(broker, { signal: new AbortController().signal });
    const filters = filtersOf("home", size);
    const requests = filters.map((filter, index) => ({ filter, qos: 0, id: index + 1 }) as const);
    const turns = await turnsUntil(connection.subscribe(requests).then(() => connection.unsubscribe(filters)));
    await connection.close();
    await broker.close();
    return turns.reduce((one, other) => Math.max(one, other));
  },
};

/** Cases of a connection to a broker. */
export const BROKER_CONNECTION_CASES: readonly GrowthCase[] = [filtersAtBroker];
