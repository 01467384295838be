/**
 * Entities of the open home, kept up to date by the stream of the page.
 *
 * @module
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { GatewayError, WrongKeyError } from "@e2e-gateway/client";
import type { Connection } from "../../connection/connection.ts";
import { visibleText } from "../../text/visible.ts";
import { type EntityAccess, entityAccess } from "./access.ts";
import { Entities } from "./entities.ts";

/** Longest wait for all states, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** State of the stream. */
export type EntitiesState =
  /** Nothing came yet. */
  | { readonly kind: "loading" }
  /** States come, or are kept while there is no connection. */
  | { readonly kind: "known" }
  /** The gateway refuses; with its text, safe to show. */
  | { readonly kind: "failed"; readonly detail: string };

/** Entities, as far as they are known. */
export interface KnownEntities {
  /** State of the stream. */
  readonly state: EntitiesState;
  /** Entities. */
  readonly entities: Entities;
  /** Access of the key. */
  readonly access: EntityAccess;
  /** Listens again after a failure. */
  readonly retry: () => void;
}

/** Returns the entities that the key may see. */
export function useEntities(connection: Connection): KnownEntities {
  const [state, setState] = useState<EntitiesState>({ kind: "loading" });
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
    const fail = (error: GatewayError) => setState({ kind: "failed", detail: visibleText(error.message) });
    // A stream that has these filters already does not send all states again.
    const ask = async () => {
      try {
        const fields = { service: "home_assistant", states: access.read };
        const states = await connection.request(
          fields,
          (client) => client.homeAssistantStates(access.read, { compress: "gzip", timeout: TIMEOUT_MS }),
        );
        if (!isShown) return;
        entities.add(states);
        setState({ kind: "known" });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        // What is temporary is retried by the stream.
        if (isShown && error.retryAfterMs === undefined && !(error instanceof WrongKeyError)) fail(error);
      }
    };
    void ask();
    const stop = connection.subscribe("home_assistant", {
      filters: access.read,
      onEvent(event) {
        if (event.type === "connected") setState({ kind: "known" });
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
