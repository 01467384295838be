/**
 * Control of an entity.
 *
 * @module
 */
import type { Scale } from "../../commands/scale.ts";

/** Names of controls and buttons, for which the page has texts. */
export type ControlName =
  | ("brightness" | "color" | "position" | "temperature" | "mode" | "value" | "option" | "speed" | "volume")
  | (
    | "open"
    | "stop"
    | "close"
    | "lock"
    | "unlock"
    | "run"
    | "press"
    | "on"
    | "off"
    | "play"
    | "pause"
    | "start"
    | "dock"
  );

/** Call of a service for the entity. */
export interface EntityCall {
  /** Service, such as `light.turn_on`. */
  readonly service: string;
  /** Data of the call. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** Control of an entity. */
export type Control =
  | { readonly kind: "switch"; readonly on: EntityCall; readonly off: EntityCall; readonly isOn: boolean }
  | {
    readonly kind: "slider";
    readonly name: ControlName;
    readonly scale: Scale;
    readonly unit: string;
    readonly value: number | undefined;
    readonly call: (value: number) => EntityCall;
  }
  | {
    readonly kind: "choice";
    readonly name: ControlName;
    readonly values: readonly string[];
    readonly value: string | undefined;
    readonly call: (value: string) => EntityCall;
  }
  | {
    readonly kind: "color";
    readonly name: ControlName;
    /** Colour as `#rrggbb`; undefined where it is not known. */
    readonly value: string | undefined;
    readonly call: (value: string) => EntityCall;
  }
  | {
    readonly kind: "buttons";
    readonly buttons: readonly {
      readonly name: ControlName;
      readonly call: EntityCall;
      /** True if it is asked for first, as it may let a person in. */
      readonly asks: boolean;
    }[];
  };
