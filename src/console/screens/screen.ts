/**
 * A screen: one entry of the navigation.
 *
 * @module
 */
import type { Translated } from "../catalogue/language.ts";
import type { IconName } from "../components/icons.ts";
import type { Connection } from "../connection/connection.ts";
import type { DeviceInfo } from "../connection/device_info.ts";

/** Properties of a screen's component. */
export interface ScreenProps {
  /** Connection to the open home. */
  readonly connection: Connection;
  /** Parts of the address after the screen's id. */
  readonly rest: readonly string[];
}

/** Component of a screen. */
export type ScreenComponent = (props: ScreenProps) => object | null;

/** Screen of the page. */
export interface Screen {
  /** Id in the page's address: `#/ID`. */
  readonly id: string;
  /** Icon in the navigation. */
  readonly icon: IconName;
  /** Name in the navigation. */
  readonly name: Translated<string>;
  /** Form of a long name for the narrow navigation of a phone. */
  readonly shortName?: Translated<string>;
  /** Returns whether the key can use it; undefined is a key that is not known yet. */
  readonly isFor: (device: DeviceInfo | undefined) => boolean;
  /** Loads the component; a screen with much code of its own is imported only here. */
  readonly load: () => ScreenComponent | Promise<ScreenComponent>;
}
