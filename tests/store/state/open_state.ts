/** State in a file, for tests. */
import { type Log, SILENT_LOG } from "../../../src/observability/log.ts";
import { SqliteState } from "../../../src/store/state/sqlite_state.ts";

/** Opens the state in a file, as a process of its own does. */
export const openState = (path: string, changed: { readonly waitMs?: number; readonly log?: Log } = {}) =>
  new SqliteState({ path, files: Deno, mode: "strict", log: SILENT_LOG, ...changed });
