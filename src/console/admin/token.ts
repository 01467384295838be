/**
 * Token of the Admin page: comes in the fragment of its address, and stays in this tab.
 *
 * @module
 */

/** What the link of the command line holds. */
export interface AdminLink {
  /** Token; undefined without a link. */
  readonly token: string | undefined;
  /** Address of the gateway for devices, as the command found it. */
  readonly gateway: string | undefined;
}

/** Part of `sessionStorage`, which other tabs and later sessions cannot read. */
export type TabStorage = Pick<Storage, "getItem" | "setItem">;

/** Names in the storage. */
const NAMES = { token: "admin-token", gateway: "admin-gateway" } as const;

/**
 * Takes the link out of the address, and keeps it for reloads of this tab. Call it before any request.
 *
 * @param place fragment of the address, and the function that replaces the address
 */
export function takeAdminLink(
  { hash, replace }: { readonly hash: string; readonly replace: (fragment: string) => void },
  storage: TabStorage,
): AdminLink {
  const given = new URLSearchParams(hash.slice(1));
  const token = given.get("token");
  if (token !== null) {
    replace("#/devices");
    storage.setItem(NAMES.token, token);
    storage.setItem(NAMES.gateway, given.get("gateway") ?? "");
  }
  return {
    token: storage.getItem(NAMES.token) ?? undefined,
    gateway: storage.getItem(NAMES.gateway) || undefined,
  };
}
