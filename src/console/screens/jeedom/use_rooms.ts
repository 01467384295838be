/**
 * Rooms of Jeedom with their values, kept up to date while the page can be seen.
 *
 * @module
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { GatewayError } from "@e2e-gateway/client";
import { isObject } from "../../../lib/json.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import type { Connection } from "../../connection/connection.ts";
import { visibleText } from "../../text/visible.ts";
import { type JeedomAccess, jeedomAccess } from "./access.ts";
import { callJeedom } from "./call.ts";
import { loadRooms } from "./load_rooms.ts";
import { type Room, valueOf } from "./rooms.ts";
import { Values } from "./values.ts";

/** Time between two questions for all values where Jeedom tells no changes, in milliseconds. */
const REFRESH_MS = 30_000;

/** Rooms, as far as they are known. */
export type RoomsState =
  | { readonly kind: "loading" }
  /** They could not be loaded; with the text of Jeedom's own error, safe to show. */
  | { readonly kind: "failed"; readonly detail: string | undefined }
  | { readonly kind: "known"; readonly rooms: readonly Room[] };

/** Rooms and their values. */
export interface KnownRooms {
  /** Rooms. */
  readonly state: RoomsState;
  /** Values of their commands. */
  readonly values: Values;
  /** Access of the key. */
  readonly access: JeedomAccess;
  /** Asks for everything at once. */
  readonly refresh: () => void;
}

/** Returns the rooms that the key may see. */
export function useRooms(connection: Connection): KnownRooms {
  const [state, setState] = useState<RoomsState>({ kind: "loading" });
  const [isLive, setIsLive] = useState(true);
  const values = useMemo(() => new Values(), [connection]);
  const rights = connection.device.value?.rights;
  const rightsText = JSON.stringify(rights ?? {});
  const access = useMemo(() => jeedomAccess({ rights: rights ?? {} }), [rightsText]);
  const asked = useRef(0);

  async function load(): Promise<void> {
    const turn = asked.current += 1;
    try {
      const rooms = await loadRooms(access, (method, params) => callJeedom(connection, method, params));
      // An older answer must not replace a newer one.
      if (turn !== asked.current) return;
      if (rooms === undefined) return setState({ kind: "failed", detail: undefined });
      values.setAll(rooms);
      setState({ kind: "known", rooms });
    } catch (error) {
      if (!(error instanceof GatewayError) && !(error instanceof ServiceRefusal)) throw error;
      if (turn !== asked.current) return;
      const detail = error instanceof ServiceRefusal || error.code === "failed"
        ? visibleText(error.message)
        : undefined;
      // What is known stays: the status of the connection says that it is old.
      setState((state) => state.kind === "known" ? state : { kind: "failed", detail });
    }
  }

  const { kind } = connection.status.value;
  const isReachable = kind !== "offline" && kind !== "revoked";
  useEffect(() => {
    if (!isReachable) return;
    let listening: AbortController | undefined;
    const listen = async (signal: AbortSignal) => {
      try {
        for await (const { name, option } of connection.jeedomEvents(signal)) {
          if (name !== "cmd::update" || !isObject(option)) continue;
          const [id, value] = [Number(option["cmd_id"]), valueOf(option["value"])];
          if (value !== undefined) values.set(id, value);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof GatewayError)) throw error;
        setIsLive(false);
      }
    };
    const show = () => {
      listening?.abort();
      if (document.visibilityState !== "visible") return;
      void load();
      if (!access.may("event::changes")) return setIsLive(false);
      setIsLive(true);
      listening = new AbortController();
      void listen(listening.signal);
    };
    show();
    document.addEventListener("visibilitychange", show);
    return () => {
      document.removeEventListener("visibilitychange", show);
      listening?.abort();
    };
  }, [connection, access, isReachable]);

  useEffect(() => {
    if (isLive || !isReachable) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void load();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [connection, access, isLive, isReachable]);

  return { state, values, access, refresh: () => void load() };
}
