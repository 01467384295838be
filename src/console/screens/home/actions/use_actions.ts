/**
 * Actions of the open home, with states that are kept up to date while the page can be seen.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { GatewayError, ScopeError } from "@e2e-gateway/client";
import type { Connection } from "../../../connection/connection.ts";
import { useApp } from "../../../context.tsx";
import { type ActionList, parseActionList, readActionList } from "./action_list.ts";

/** Time between two questions for states, in milliseconds; the gateway asks a source once a second at most. */
const REFRESH_MS = 5000;

/** The same where no action has a state. */
const SLOW_REFRESH_MS = 30_000;

/** Actions, as far as they are known. */
export interface KnownActions {
  /** Actions; undefined until they are known. */
  readonly list: ActionList | undefined;
  /** True if the gateway's answer cannot be read. */
  readonly isUnreadable: boolean;
  /** Asks at once. */
  readonly refresh: () => void;
}

/** Returns the actions of a home: those of the last visit until the gateway answers. */
export function useActions(connection: Connection): KnownActions {
  const { store } = useApp();
  const [list, setList] = useState<ActionList | undefined>(undefined);
  const [isUnreadable, setIsUnreadable] = useState(false);
  const asked = useRef(0);

  async function ask(): Promise<void> {
    const turn = asked.current += 1;
    try {
      const answer = await connection.request(
        { service: "action" },
        (client) => client.call("action", {}, { timeout: 10_000 }),
      );
      // An older answer must not replace a newer one.
      if (turn !== asked.current) return;
      const parsed = parseActionList(answer);
      setIsUnreadable(parsed === undefined);
      if (parsed === undefined) return;
      setList(parsed);
      await store.remember(connection.home, "actions", answer.body);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (error instanceof ScopeError || error.gatewayCode === "unknown_service") setList({ actions: [] });
    }
  }

  useEffect(() => {
    void store.recall(connection.home, "actions").then((seen) => setList((list) => list ?? readActionList(seen)));
  }, [connection]);

  const hasStates = list?.actions.some(({ state }) => state !== undefined) ?? false;
  const { kind } = connection.status.value;
  const device = connection.device.value;
  // A question that the key does not grant is a refusal in the operator's list.
  const mayAsk = device?.services.includes("action") ?? false;
  useEffect(() => {
    if (kind === "revoked") return;
    if (!mayAsk) {
      if (device !== undefined) setList({ actions: [] });
      return;
    }
    const refresh = () => {
      if (document.visibilityState === "visible") void ask();
    };
    refresh();
    const timer = setInterval(refresh, hasStates ? REFRESH_MS : SLOW_REFRESH_MS);
    document.addEventListener("visibilitychange", refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", refresh);
    };
  }, [connection, hasStates, kind === "revoked", kind === "offline", mayAsk, device === undefined]);

  return { list, isUnreadable, refresh: () => void ask() };
}
