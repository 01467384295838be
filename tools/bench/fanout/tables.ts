/** Tables of the fan-out report. */
import type { Round } from "./fanout.ts";
import { digits } from "../../support/report.ts";
import { median } from "../../support/statistics.ts";
import type { GatewayMemory } from "./measure_memory.ts";

/** Fewest streams whose memory exceeds the noise of the measurement. */
const ENOUGH_STREAMS = 50;

/** Columns of {@linkcode deliveryRow}. */
export const DELIVERY_HEADER: readonly string[] = [
  "Listeners",
  "Publishing",
  "Delivered / expected",
  "Duplicates, out of order",
  "Resumed (gaps), ended",
  "Events/s",
  "p50 ms",
  "p99 ms",
  "Gateway CPU µs/event",
  "Gateway CPU % of a core",
  "Listeners CPU µs/event",
  "MQTT delivered / expected",
  "MQTT events/s",
  "MQTT p50",
  "MQTT p99",
  "p99 ratio",
];

/** Returns the row of one mode of publishing to `count` listeners. */
export function deliveryRow({ count, mode, rounds }: {
  readonly count: number;
  readonly mode: string;
  readonly rounds: readonly Round[];
}): string[] {
  const sum = (value: (round: Round) => number) => rounds.reduce((total, round) => total + value(round), 0);
  const middle = (value: (round: Round) => number, count: number) => digits(median(rounds.map(value)), count);
  const ended = sum(({ gateway }) => Object.values(gateway.ends).reduce((total, times) => total + times, 0));
  return [
    String(count),
    mode,
    `${sum(({ gateway }) => gateway.delivered)} / ${sum(({ gateway }) => gateway.expected)}`,
    `${sum(({ gateway }) => gateway.duplicates)}, ${sum(({ gateway }) => gateway.outOfOrder)}`,
    `${sum(({ gateway }) => gateway.resumed)} (${sum(({ gateway }) => gateway.gaps)}), ${ended}`,
    middle(({ gateway }) => gateway.delivered / gateway.seconds, 0),
    middle(({ gateway }) => gateway.p50, 1),
    middle(({ gateway }) => gateway.p99, 1),
    middle(({ gateway }) => gateway.gatewayCpuMs * 1000 / gateway.delivered, 1),
    middle(({ gateway }) => gateway.gatewayCpuMs / gateway.seconds / 10, 0),
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
  "After all disconnected",
  "10 s later",
];

/** Returns the row of the memory of `count` streams. */
export function memoryRow({ count, memory, floor }: {
  readonly count: number;
  readonly memory: GatewayMemory;
  readonly floor: number;
}): string[] {
  const kilobytes = (bytes: number) => count < ENOUGH_STREAMS ? "–" : digits(bytes / count / 1024, 1);
  const besideStart = (bytes: number) =>
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
    besideStart(memory.disconnected),
    besideStart(memory.later),
  ];
}
