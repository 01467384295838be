/**
 * Rooms and scenarios of Jeedom with their values, kept up to date while the page can be seen.
 *
 * @module
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { GatewayError, type JeedomEvent } from "@e2e-gateway/client";
import { isObject } from "../../../lib/json.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import type { Connection } from "../../connection/connection.ts";
import { visibleText } from "../../text/visible.ts";
import { type JeedomAccess, jeedomAccess } from "./access.ts";
import { callJeedom } from "./call.ts";
import { type JeedomHome, loadHome } from "./load_home.ts";
import { idIn } from "./members.ts";
import { type Action, readCommand, valueOf } from "./rooms.ts";
import { Values } from "./values.ts";

/** Time between two questions for all values where Jeedom tells no changes, in milliseconds. */
const REFRESH_MS = 30_000;

/** Time that a device gets to report its new value before it is asked for, in milliseconds. */
const REPORT_MS = 400;

/** What the key may see, as far as it is known. */
export type HomeState =
  | { readonly kind: "loading" }
  /** It could not be loaded; with the text of Jeedom's own error, safe to show. */
  | { readonly kind: "failed"; readonly detail: string | undefined }
  | { readonly kind: "known"; readonly home: JeedomHome };

/** Rooms and scenarios with their values. */
export interface KnownHome {
  /** Rooms and scenarios. */
  readonly state: HomeState;
  /** Values of commands. */
  readonly values: Values;
  /** States of scenarios. */
  readonly scenarioStates: Values;
  /** Access of the key. */
  readonly access: JeedomAccess;
  /** Asks for everything at once. */
  readonly refresh: () => void;
  /** Asks for the value that an action changes. */
  readonly onRan: (action: Action) => void;
}

/** Returns what the key may see of Jeedom. */
export function useHome(connection: Connection): KnownHome {
  const [state, setState] = useState<HomeState>({ kind: "loading" });
  const [isLive, setIsLive] = useState(true);
  const [values, scenarioStates] = useMemo(() => [new Values(), new Values()], [connection]);
  const rights = connection.device.value?.rights;
  const rightsText = JSON.stringify(rights ?? {});
  const access = useMemo(() => jeedomAccess({ rights: rights ?? {} }), [rightsText]);
  const asked = useRef(0);

  async function load(): Promise<void> {
    const turn = asked.current += 1;
    try {
      const home = await loadHome({
        access,
        call: (method, params) => callJeedom(connection, method, params),
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      });
      // An older answer must not replace a newer one.
      if (turn !== asked.current) return;
      if (home === undefined) return setState({ kind: "failed", detail: undefined });
      for (const { equipment } of home.rooms) {
        for (const { infos } of equipment) for (const { id, value } of infos) values.set(id, value);
      }
      for (const { id, state } of home.scenarios) scenarioStates.set(id, state);
      setState({ kind: "known", home });
    } catch (error) {
      if (!(error instanceof GatewayError) && !(error instanceof ServiceRefusal)) throw error;
      if (turn !== asked.current) return;
      const isOfJeedom = error instanceof ServiceRefusal || error.code === "failed";
      const detail = isOfJeedom ? visibleText(error.message) : undefined;
      // What is known stays: the status of the connection says that it is old.
      setState((state) => state.kind === "known" ? state : { kind: "failed", detail });
    }
  }

  /** Reads the time of Jeedom's clock, in seconds; undefined if it does not answer. */
  async function readTime(): Promise<number | undefined> {
    try {
      const time = Number(await callJeedom(connection, "datetime"));
      return Number.isFinite(time) ? time : undefined;
    } catch (error) {
      if (!(error instanceof GatewayError) && !(error instanceof ServiceRefusal)) throw error;
      return undefined;
    }
  }

  function take({ name, option }: JeedomEvent): void {
    if (!isObject(option)) return;
    const isCommand = name === "cmd::update";
    if (!isCommand && name !== "scenario::update") return;
    const id = idIn(option[isCommand ? "cmd_id" : "scenario_id"]);
    const value = valueOf(option[isCommand ? "value" : "state"]);
    if (id !== undefined && value !== undefined) (isCommand ? values : scenarioStates).update(id, value);
  }

  const { kind } = connection.status.value;
  const isReachable = kind !== "offline" && kind !== "revoked";
  useEffect(() => {
    if (!isReachable) return;
    let listening: AbortController | undefined;
    const listen = async (signal: AbortSignal) => {
      try {
        // Events begin before the values are loaded, so that no change in between is missed.
        const since = await readTime();
        await load();
        for await (const event of connection.jeedomEvents({ signal, since })) take(event);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof GatewayError)) throw error;
        setIsLive(false);
      }
    };
    const show = () => {
      listening?.abort();
      if (document.visibilityState !== "visible") return;
      if (!access.may("event::changes")) {
        void load();
        return setIsLive(false);
      }
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

  const isUpToDate = isLive && state.kind !== "failed";
  useEffect(() => {
    if (isUpToDate || !isReachable) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void load();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [connection, access, isUpToDate, isReachable]);

  function onRan({ infoId }: Action): void {
    if (infoId === undefined) return;
    const isReadable = access.may("cmd::byId") && access.commands?.includes(infoId) !== false;
    const ask = async () => {
      try {
        if (!isReadable) return await load();
        const [info] = readCommand(await callJeedom(connection, "cmd::byId", { id: infoId }));
        if (info?.kind === "info") values.set(infoId, info.value);
      } catch {
        // The next change tells the value.
      }
    };
    setTimeout(() => void ask(), REPORT_MS);
  }

  return { state, values, scenarioStates, access, refresh: () => void load(), onRan };
}
