/**
 * Past of an entity, as the points of a chart.
 *
 * @module
 */
import type { HomeAssistantPastState } from "@e2e-gateway/client";
import type { ChartData } from "../../components/chart_data.ts";
import { timeOf } from "../../connection/device_info.ts";
import { numberIn } from "../../text/scalar.ts";
import { isOn } from "../home/actions/control.ts";
import type { Entity } from "./entity.ts";

/** Domains whose past is a number, or on and off. */
const BINARY: readonly string[] = ["binary_sensor", "light", "switch", "input_boolean", "fan", "siren", "humidifier"];

/** Returns how the past of an entity is drawn; undefined where it cannot be. */
export function historyForm(
  { domain, state, unit }: Pick<Entity, "domain" | "state" | "unit">,
): "line" | "steps" | undefined {
  if (BINARY.includes(domain)) return "steps";
  // A sensor that cannot be reached now has a past all the same.
  return numberIn(state) === undefined && unit === "" ? undefined : "line";
}

/**
 * Returns the points of past states: on and off as 1 and 0, and a gap while there is no value.
 *
 * @param now end of the chart: a state lasts until the next one
 */
export function historyPoints(past: readonly HomeAssistantPastState[], now: number): ChartData {
  const points = past.flatMap(({ state, last_changed: changed, last_updated: updated }) => {
    const at = timeOf(changed ?? updated);
    if (at === undefined) return [];
    const on = isOn(state);
    return [{ at, value: numberIn(state) ?? (on === undefined ? null : on ? 1 : 0) }];
  });
  points.sort((one, other) => one.at - other.at);
  const last = points.at(-1);
  if (last !== undefined && last.at < now) points.push({ at: now, value: last.value });
  return { times: points.map(({ at }) => at), values: points.map(({ value }) => value) };
}
