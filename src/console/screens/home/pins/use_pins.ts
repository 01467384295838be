/**
 * Pinned values of a home: which they are, and their course.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { StreamEvent } from "@e2e-gateway/client";
import { isObject } from "../../../../lib/json.ts";
import type { Connection } from "../../../connection/connection.ts";
import { type DeviceInfo, readableEntities, readableTopics } from "../../../connection/device_info.ts";
import { matchesEntity, matchesFilter } from "../../../connection/topic_match.ts";
import { useApp } from "../../../context.tsx";
import { useFirstPins } from "./use_first_pins.ts";
import { type Pin, pinId, type PinValue, readPins, valueOf } from "./pin.ts";
import { type Point, readSeries, withPoint } from "./series.ts";

/** Value of a pin, and its course where it is a number. */
export interface PinReading {
  /** Last value; undefined until one came. */
  readonly value: PinValue | undefined;
  /** Last numbers. */
  readonly series: readonly Point[];
  /** True while the key may not read the topic, as the gateway says. */
  readonly isRefused?: boolean;
}

/** Pins of a home. */
export interface KnownPins {
  /** Pins; undefined until they are known. */
  readonly pins: readonly Pin[] | undefined;
  /** Readings by the pins' ids. */
  readonly readings: ReadonlyMap<string, PinReading>;
  /** Replaces the pins. */
  readonly choose: (pins: readonly Pin[]) => void;
}

/** Time between two writes of the courses, in milliseconds. */
const KEEP_MS = 15_000;

/** Returns the pins of a home, and listens to them. */
export function usePins(connection: Connection): KnownPins {
  const { store, browser } = useApp();
  const { home } = connection;
  const [chosenPins, setPins] = useState<readonly Pin[] | undefined>(undefined);
  const [isNew, setIsNew] = useState(false);
  const [readings, setReadings] = useState<ReadonlyMap<string, PinReading>>(new Map());
  const choose = (pins: readonly Pin[]) => {
    setPins(pins);
    setIsNew(false);
    void store.remember(home, "pins", pins);
  };
  const first = useFirstPins(connection, {
    isWanted: isNew,
    onKnown: (pins) => pins.length === 0 ? setIsNew(false) : choose(pins),
  });
  const pins = !isNew ? chosenPins : first.length === 0 ? undefined : first;
  const latest = useRef(readings);
  latest.current = readings;
  const chosen = useRef<readonly Pin[]>([]);
  chosen.current = pins ?? [];

  useEffect(() => {
    void Promise.all([store.recall(home, "pins"), store.recall(home, "series")]).then(([pins, series]) => {
      const kept = isObject(series) ? Object.entries(series) : [];
      setReadings(new Map(kept.map(([id, points]) => [id, { value: undefined, series: readSeries(points) }])));
      setPins(readPins(pins));
      setIsNew(pins === undefined);
    });
  }, [home]);

  useEffect(() => {
    const keep = () => {
      const ids = new Set(chosen.current.map(pinId));
      const series = [...latest.current].flatMap(([id, { series }]) => ids.has(id) ? [[id, series] as const] : []);
      if (series.length > 0) void store.remember(home, "series", Object.fromEntries(series));
    };
    const timer = setInterval(keep, KEEP_MS);
    document.addEventListener("visibilitychange", keep);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", keep);
    };
  }, [home]);

  function read(pin: Pin, event: StreamEvent): void {
    if (event.type === "connected") return setRefused(pin, false);
    if (event.type !== "message") return;
    const { payload, timestamp, retain } = event;
    const value = payload === null ? undefined : valueOf(pin, payload);
    if (value === undefined) return;
    // A retained message is older than its delivery.
    const at = retain ? browser.now() : timestamp * 1000;
    setReadings((readings) => {
      const { series = [] } = readings.get(pinId(pin)) ?? {};
      const points = typeof value === "number" ? withPoint(series, { at, value }) : series;
      return new Map([...readings, [pinId(pin), { value, series: points }]]);
    });
  }

  function setRefused(pin: Pin, isRefused: boolean): void {
    setReadings((readings) => {
      const { isRefused: was = false, value, series = [] } = readings.get(pinId(pin)) ?? {};
      return was === isRefused ? readings : new Map([...readings, [pinId(pin), { value, series, isRefused }]]);
    });
  }

  const device = connection.device.value;
  const readable = (pins ?? []).filter((pin) => device === undefined || mayRead(device, pin));
  const wanted = JSON.stringify(readable.map(({ service, topic }) => [service, topic]));
  useEffect(() => {
    // Each by itself, so that one that is refused leaves the others as they are.
    const stops = readable.map((pin) =>
      connection.subscribe(pin.service, {
        filters: [pin.topic],
        onEvent: (event) => read(pin, event),
        onRefused: ({ code }) => setRefused(pin, code === "scope"),
      })
    );
    return () => stops.forEach((stop) => stop());
  }, [connection, wanted]);

  return { pins, readings, choose };
}

/** Returns whether a key may read a pin. */
export function mayRead(device: DeviceInfo, { service, topic }: Pin): boolean {
  return service === "mqtt"
    ? readableTopics(device).some((filter) => matchesFilter(filter, topic))
    : readableEntities(device).some((pattern) => matchesEntity(pattern, topic));
}
