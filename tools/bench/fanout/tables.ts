/** The rows of the fan-out report. */
import type { Heard } from "./fanout.ts";
import { median } from "../../support/statistics.ts";
import { digits } from "../../support/report.ts";
import type { GatewayMemory } from "./measure_memory.ts";

/** Fewer streams than this cost less than what memory varies by itself. */
const ENOUGH_STREAMS = 50;

/** Columns of {@linkcode deliveryRow}. */
export const DELIVERY_HEADER: readonly string[] = [
  "Listeners",
  "Publishing",
  "Delivered / expected",
  "Doubled, disordered",
  "Resumed (gaps), ended",
  "Events/s",
  "p50 ms",
  "p99 ms",
  "Gateway CPU µs/event",
  "Listeners CPU µs/event",
  "MQTT delivered / expected",
  "MQTT events/s",
  "MQTT p50",
  "MQTT p99",
  "p99 ratio",
];

/** What came of one kind of publishing to so many listeners. */
export function deliveryRow({ count, mode, heard }: {
  readonly count: number;
  readonly mode: string;
  readonly heard: readonly Heard[];
}): string[] {
  const sum = (value: (round: Heard) => number) => heard.reduce((total, round) => total + value(round), 0);
  const middle = (value: (round: Heard) => number, count: number) => digits(median(heard.map(value)), count);
  const ended = sum(({ gateway }) => Object.values(gateway.ends).reduce((total, times) => total + times, 0));
  return [
    String(count),
    mode,
    `${sum(({ gateway }) => gateway.delivered)} / ${sum(({ gateway }) => gateway.expected)}`,
    `${sum(({ gateway }) => gateway.doubled)}, ${sum(({ gateway }) => gateway.disordered)}`,
    `${sum(({ gateway }) => gateway.resumed)} (${sum(({ gateway }) => gateway.gaps)}), ${ended}`,
    middle(({ gateway }) => gateway.delivered / gateway.seconds, 0),
    middle(({ gateway }) => gateway.p50, 1),
    middle(({ gateway }) => gateway.p99, 1),
    middle(({ gateway }) => gateway.gatewayCpuMs * 1000 / gateway.delivered, 1),
    middle(({ gateway }) => gateway.listenersCpuMs * 1000 / gateway.delivered, 1),
    `${sum(({ plain }) => plain.delivered)} / ${sum(({ plain }) => plain.expected)}`,
    middle(({ plain }) => plain.delivered / plain.seconds, 0),
    middle(({ plain }) => plain.p50, 1),
    middle(({ plain }) => plain.p99, 1),
    middle(({ gateway, plain }) => gateway.p99 / plain.p99, 1),
  ];
}

/** Columns of {@linkcode memoryRow}. */
export const MEMORY_HEADER: readonly string[] = [
  "Listeners",
  "Last connected after ms",
  "Start MB",
  "KB per idle stream",
  "Floor: KB",
  "KB per listener under load",
  "After all left",
  "10 s later",
];

/** What so many streams cost in memory. */
export function memoryRow({ count, memory, floor }: {
  readonly count: number;
  readonly memory: GatewayMemory;
  readonly floor: number;
}): string[] {
  const kilobytes = (bytes: number) => count < ENOUGH_STREAMS ? "–" : digits(bytes / count / 1024, 1);
  const against = (bytes: number) =>
    `${digits(bytes / 2 ** 20, 0)} MB (${bytes < memory.start ? "" : "+"}${
      digits((bytes / memory.start - 1) * 100, 0)
    } %)`;
  return [
    String(count),
    digits(memory.connectedMs, 0),
    digits(memory.start / 2 ** 20, 0),
    kilobytes(memory.idle - memory.start),
    kilobytes(floor),
    kilobytes(memory.loaded - memory.start),
    against(memory.left),
    against(memory.later),
  ];
}
