/** Declares tests that every implementation of the durable state has to pass. */
import { MemoryState } from "../../support/memory_state.ts";
import type { StateStore } from "../../../src/store/state/state_store.ts";
import { needing } from "../../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";
import { DURABLE, openingRedisStates } from "../../support/redis_state.ts";
import { inTempDir } from "../../support/temp_dir.ts";
import { openState } from "./open_state.ts";

/** Test with a state, and with a function that opens the same one as another process does. */
export type StateTest = (state: StateStore, open: () => StateStore) => Promise<void>;

/** Declares a test for each implementation. */
export function testEachState(name: string, test: StateTest): void {
  Deno.test(`${name}, in memory`, () => {
    const state = new MemoryState();
    return test(state, () => state);
  });
  testStoredStates(name, test);
}

/** Declares a test for each implementation but the one in memory, such as one that compares with that one. */
export function testStoredStates(name: string, test: StateTest): void {
  Deno.test(`${name}, in SQLite`, () =>
    inTempDir(async (folder) => {
      await using opened = new AsyncDisposableStack();
      const open = () => {
        const state = openState(`${folder}/state.db`);
        opened.defer(() => state.close());
        return state;
      };
      await test(open(), open);
    }));
  Deno.test(
    needing(`${name}, in Redis`, { "redis-server": REDIS_SERVER }),
    () =>
      withRedis(DURABLE, (redis) =>
        openingRedisStates(redis.url(), (openOne) => {
          const open = () => openOne().state;
          return test(open(), open);
        })),
  );
}
