/**
 * Entities of the open home, kept up to date by the stream of the page.
 *
 * @module
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { GatewayError, WrongKeyError } from "@e2e-gateway/client";
import type { LoadState } from "../../components/card_groups.ts";
import type { Connection } from "../../connection/connection.ts";
import { visibleText } from "../../text/visible.ts";
import { type EntityAccess, entityAccess } from "./access.ts";
import { Entities } from "./entities.ts";

/** Longest wait for all states, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** Entities, as far as they are known. */
export interface KnownEntities {
  /** State of the stream. */
  readonly state: LoadState;
  /** Entities. */
  readonly entities: Entities;
  /** Access of the key. */
  readonly access: EntityAccess;
  /** Listens again after a failure. */
  readonly retry: () => void;
}

/** Returns the entities that the key may see. */
export function useEntities(connection: Connection): KnownEntities {
  const [state, setState] = useState<LoadState>({ kind: "loading" });
  const [attempt, setAttempt] = useState(0);
  const rights = connection.device.value?.rights;
  const rightsText = JSON.stringify(rights ?? {});
  const access = useMemo(() => entityAccess({ rights: rights ?? {} }), [rightsText]);
  const entities = useMemo(() => new Entities(), [connection, access]);

  useEffect(() => {
    entities.addUnread(access.named);
    if (access.read.length === 0) {
      setState({ kind: "known" });
      return;
    }
    setState({ kind: "loading" });
    let isShown = true;
    let isAsking = false;
    let isKnown = false;
    const fail = (error: GatewayError) => setState({ kind: "failed", detail: visibleText(error.message) });
    // A stream that has these filters already does not send all states again.
    const ask = async () => {
      if (isAsking) return;
      isAsking = true;
      try {
        const before = entities.ids.peek();
        const states = await connection.request(
          { service: "home_assistant", states: access.read },
          (client) => client.homeAssistantStates(access.read, { compress: "gzip", timeout: TIMEOUT_MS }),
        );
        if (!isShown) return;
        isKnown = true;
        entities.sync(states, before);
        setState({ kind: "known" });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        // What is temporary is asked again when the stream is connected.
        if (isShown && error.retryAfterMs === undefined && !(error instanceof WrongKeyError)) fail(error);
      } finally {
        isAsking = false;
      }
    };
    void ask();
    const stop = connection.subscribe("home_assistant", {
      filters: access.read,
      onEvent(event) {
        // After a gap, entities may be gone of which nothing else tells.
        if (event.type === "gap" || event.type === "connected" && !isKnown) void ask();
        if (event.type === "message" && event.payload !== null) entities.take(event.topic, event.payload);
      },
      onRefused: fail,
    });
    return () => {
      isShown = false;
      stop();
    };
  }, [connection, entities, access, attempt]);

  return { state, entities, access, retry: () => setAttempt(attempt + 1) };
}
