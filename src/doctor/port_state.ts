/**
 * Whether a port can be listened on.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import type { Machine } from "./machine.ts";

/** How a port is. */
export type PortState =
  /** Nobody listens there. */
  | { readonly kind: "free" }
  /** Somebody does. */
  | { readonly kind: "taken" }
  /** Nobody can: why, in words that follow "Port". */
  | { readonly kind: "closed"; readonly words: string };

/** Listens for a moment, and tells how that went. */
export function findPortState(
  { listen }: Pick<Machine, "listen">,
  where: { readonly hostname: string; readonly port: number },
): PortState {
  try {
    listen(where).close();
    return { kind: "free" };
  } catch (error) {
    const name = errorName(error);
    if (name === "AddrInUse") return { kind: "taken" };
    const words = name === "AddrNotAvailable"
      ? `cannot be listened on: this machine does not have the address ${where.hostname}`
      : name === "PermissionDenied"
      ? "cannot be listened on: ports below 1024 belong to the system"
      : `cannot be listened on (${name})`;
    return { kind: "closed", words };
  }
}
