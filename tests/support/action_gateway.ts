/** Gateway with actions that other services run, which record their requests. */
import { allRights, type Rights, Scope } from "../../src/keys/rights.ts";
import type { KeyRecord } from "../../src/keys/schema.ts";
import type { Payload } from "../../src/protocol/payload.ts";
import { ACTIONS_SECTION } from "../../src/services/action/section.ts";
import { createActionService } from "../../src/services/action/service.ts";
import { createStateReader } from "../../src/services/action/states.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { createReadSection } from "../../src/services/section.ts";
import { type Reply, type Service, type ServiceContext, textReply } from "../../src/services/service.ts";
import { MemoryCoolDowns } from "../../src/store/cool_downs.ts";
import { MemoryState } from "./memory_state.ts";
import type { UseCounters } from "../../src/store/state/state_store.ts";
import { makeGateway, makeRecord } from "./gateway.ts";

/** A request that a service got from an action. */
export interface InnerRequest {
  readonly service: string;
  readonly payload: Payload;
  readonly context: ServiceContext;
}

/** Options of the fixture. */
export interface ActionGatewayOptions {
  /** Answers the requests of the actions; with success by default. */
  readonly answer?: (request: InnerRequest) => Promise<Reply>;
  /** Counts runs. */
  readonly state?: UseCounters;
  /** Services that are not there. */
  readonly without?: readonly string[];
}

const SUCCESS: Readonly<Record<string, Reply>> = {
  jeedom: { status: 200, bodyJson: '{"jsonrpc":"2.0","id":1,"result":"ok"}' },
};

/** Names of the services that run actions. */
const INNER = ["jeedom", "mqtt", "http", "home_assistant", "influxdb"];

/** Makes a gateway with some actions, and a function that makes phones with some rights. */
export async function makeActionGateway(
  actions: Readonly<Record<string, unknown>>,
  { answer, state = new MemoryState(), without = [] }: ActionGatewayOptions = {},
) {
  const requests: InnerRequest[] = [];
  const clock = { ms: 0 };
  const sections = { current: { actions } as Readonly<Record<string, unknown>> };
  const inner = INNER.filter((name) => !without.includes(name)).map((name): Service => ({
    name,
    fieldErrorStatus: 400,
    target: () => undefined,
    handle(payload, context) {
      const request = { service: name, payload, context };
      requests.push(request);
      return answer?.(request) ?? Promise.resolve(SUCCESS[name] ?? textReply(200, "secret/topic"));
    },
  }));
  const findService = (name: string) => inner.find((service) => service.name === name);
  const fullScope = new Scope(allRights(SERVICES));
  const monotonic = () => clock.ms;
  const service = createActionService({
    readActions: createReadSection(ACTIONS_SECTION, sections),
    states: createStateReader({ findService, fullScope, monotonic }),
    coolDowns: new MemoryCoolDowns(monotonic),
    state,
    fullScope,
    findService,
  });
  const warnings: string[] = [];
  const silent = () => {};
  const gateway = await makeGateway({
    services: [...inner.filter(({ name }) => name !== "mqtt"), service],
    log: { debug: silent, info: silent, warn: (message: string) => void warnings.push(message), error: silent },
  });
  const records: KeyRecord[] = [];

  /** Makes a phone with a key of its own. */
  async function phone(name: string, rights: Rights, fields: Partial<KeyRecord> = {}) {
    const record = makeRecord({ name, rights, ...fields });
    records.splice(0, records.length, ...records.filter((one) => one.name !== name), record);
    await gateway.keyring.replace({ single: gateway.secret, records });
    const client = await gateway.phone(record.secret, { version: 2 });
    return {
      ...client,
      record,
      /** Sends a request for actions, and returns status and body. */
      ask: async (payload: Readonly<Record<string, unknown>>): Promise<[status: number, body: unknown]> => {
        const { status, body } = await client.request("/gateway", { service: "action", ...payload });
        return [status, typeof body === "string" ? JSON.parse(body) : body];
      },
    };
  }

  return {
    gateway,
    service,
    requests,
    warnings,
    clock,
    phone,
    /** Replaces the section, as a change of the file does. */
    replace: (next: Readonly<Record<string, unknown>>) => void (sections.current = { actions: next }),
  };
}
