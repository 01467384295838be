/**
 * Recognition of a guest pass: a key for actions alone, for a while or for a number of times.
 *
 * @module
 */
import type { DeviceInfo } from "../../../connection/device_info.ts";
import type { ActionList } from "../actions/action_list.ts";

/** Returns whether a key is a guest pass: it runs actions, is limited, and can do nothing else. */
export function isGuest(device: DeviceInfo | undefined, { actions, uses }: ActionList): boolean {
  const isLimited = uses !== undefined || device?.expiresAt !== undefined;
  const others = device?.services.filter((service) => service !== "action") ?? [];
  return actions.length > 0 && isLimited && device !== undefined && others.length === 0;
}
