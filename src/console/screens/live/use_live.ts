/**
 * Streams and clock of the screen.
 *
 * @module
 */
import { type ReadonlySignal, signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Connection } from "../../connection/connection.ts";
import type { StreamService } from "../../connection/home_streams.ts";
import { useApp } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import { LiveSession } from "./live_session.ts";

/** Time between two updates of ages and rates, in milliseconds. */
const TICK_MS = 1000;

/** Filters to subscribe to, for each service. */
export type LiveFilters = Readonly<Record<StreamService, readonly string[]>>;

/** Returns the state of the screen, which listens to nothing yet. */
export function useLiveSession(connection: Connection): LiveSession {
  const { now } = useApp().browser;
  return useMemo(
    () =>
      new LiveSession({
        now,
        requestFrame: (run) => void requestAnimationFrame(run),
        clockDifference: () => connection.clockDifference.peek() ?? 0,
      }),
    [connection],
  );
}

/** Listens to streams as long as the screen is shown. Returns the gateway's message where it refuses one, safe to show. */
export function useStreams(
  session: LiveSession,
  { connection, filters }: { readonly connection: Connection; readonly filters: LiveFilters },
): ReadonlySignal<string | undefined> {
  const refusals = useSignal<Readonly<Partial<Record<StreamService, string>>>>({});
  const listen = (service: StreamService, own: readonly string[]) =>
    useEffect(() => {
      const setRefusal = (text?: string) => refusals.value = { ...refusals.peek(), [service]: text };
      setRefusal();
      if (own.length === 0) return;
      return connection.subscribe(service, {
        filters: own,
        onEvent(event) {
          if (event.type === "connected") setRefusal();
          session.hear(service, event);
        },
        onRefused: ({ message }) => setRefusal(visibleText(message)),
      });
    }, [session, own.join("\n")]);
  listen("mqtt", filters.mqtt);
  listen("home_assistant", filters.home_assistant);
  return useComputed(() => refusals.value.mqtt ?? refusals.value.home_assistant);
}

/** Returns the time, in milliseconds since 1970, which changes once a second. */
export function useNow(): ReadonlySignal<number> {
  const { now } = useApp().browser;
  const time = useMemo(() => signal(now()), []);
  useEffect(() => {
    const timer = setInterval(() => time.value = now(), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return time;
}
