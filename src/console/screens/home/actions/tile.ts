/**
 * Properties that the tiles of all controls share.
 *
 * @module
 */
import type { IconName } from "../../../components/icons.ts";
import type { Tone } from "./action_icon.ts";
import type { HomeAction, ParamValue } from "./action_list.ts";
import type { Run } from "../../../commands/outcome.ts";

/** Action as its tile shows it. */
export interface TileProps {
  /** Action. */
  readonly action: HomeAction;
  /** Its label, safe to show. */
  readonly label: string;
  /** Icon. */
  readonly icon: IconName;
  /** Colour. */
  readonly tone: Tone;
  /** Outcome or cool-down in words; undefined while there is nothing to tell. */
  readonly news: string | undefined;
  /** True while the news count seconds, which a screen reader does not say one by one. */
  readonly isCounting: boolean;
  /** State in words; undefined where the action has none. */
  readonly state: string | undefined;
  /** Outcome of the last run. */
  readonly run: Run;
  /** Value that its control shows; undefined where there is none. */
  readonly shown: ParamValue | undefined;
  /** True while it cannot run. */
  readonly isDisabled: boolean;
  /** True for the only tile of the screen. */
  readonly isAlone: boolean;
  /** Runs the action, after its question where it has one and it is not confirmed yet. */
  readonly start: (params: Readonly<Record<string, ParamValue>>, isConfirmed?: boolean) => void;
}
