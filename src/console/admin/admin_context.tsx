/**
 * Access of components to the state of the Admin page.
 *
 * @module
 */
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { AdminState } from "./admin_state.ts";

const AdminContext = createContext<AdminState | undefined>(undefined);

/** Makes the state of the page accessible to the components in it. */
export function AdminProvider(
  { state, children }: { readonly state: AdminState; readonly children: ComponentChildren },
) {
  return <AdminContext.Provider value={state}>{children}</AdminContext.Provider>;
}

/** Returns the state of the page. */
export function useAdmin(): AdminState {
  const state = useContext(AdminContext);
  if (state === undefined) throw new Error("Component is used outside of the page");
  return state;
}
