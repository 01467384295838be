import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { matcherOfAny } from "../../../src/services/home_assistant/entities.ts";
import { makeHub, type Recorded } from "./hub_home.ts";

const ENTITIES = ["light.a", "light.b", "sensor.a", "sensor.power", "lock.door"] as const;

const PATTERNS = [["*"], ["light.*"], ["sensor.a"], ["*.a", "lock.door"]] as const;

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("set" as const), entity: fc.constantFrom(...ENTITIES) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), entity: fc.constantFrom(...ENTITIES) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("leave" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("resume" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("idle" as const) }) },
);

Deno.test("a listener that resumes receives each change once and in order, or a gap and all states", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(...PATTERNS),
      // Some forget most changes.
      fc.constantFrom(1_500, 5_000, 1_000_000),
      (steps, patterns, maxHistoryBytes) => {
        const home = makeHub({ maxHistoryBytes });
        const matches = matcherOfAny(patterns);
        const changes: string[] = [];
        let listener: Recorded | undefined;
        let left: Recorded | undefined;
        /** Number of changes up to which the listener has received everything. */
        let received = 0;
        let count = 0;

        function check(): void {
          if (listener === undefined || listener.calls.length === 0 || !home.hub.isConnected) return;
          const expected = new Map([...home.states].filter(([entity]) => matches(entity)));
          assertEquals(listener.view, expected);
          const live = listener.calls.filter((call) => call.includes("=") && !call.endsWith(" retained"));
          if (!listener.calls.includes("gap") && left !== undefined) assertEquals(live, changes.slice(received));
        }

        function resume(): void {
          if (listener !== undefined) return;
          listener = home.listen({ patterns, since: left?.position });
          // The phone still shows what it had.
          const known = left?.view ?? new Map();
          for (const [entity, state] of known) {
            if (!listener.view.has(entity) && !listener.calls.includes(`${entity}=removed`)) {
              if (!listener.calls.includes("gap")) listener.view.set(entity, state);
            }
          }
          home.clock.pass(1000);
          if (!home.hub.isConnected) home.begin();
        }

        home.states.set("light.a", "0").set("sensor.power", "0");
        home.listen();
        home.begin();
        for (const one of steps) {
          switch (one.kind) {
            case "set":
              home.set(one.entity, `${count += 1}`);
              if (matches(one.entity)) changes.push(`${one.entity}=${count}`);
              break;
            case "remove":
              if (home.states.has(one.entity) && matches(one.entity)) changes.push(`${one.entity}=removed`);
              home.remove(one.entity);
              break;
            case "leave":
              if (listener === undefined) break;
              listener.remove();
              left = listener;
              received = changes.length;
              listener = undefined;
              break;
            case "resume":
              resume();
              break;
            case "lose":
              home.lose();
              if (listener !== undefined) {
                left = listener;
                received = changes.length;
              }
              listener = undefined;
              break;
            case "idle":
              home.clock.pass(200_000);
          }
          check();
        }
        assert(home.connections > 0);
      },
    ),
    { numRuns: 500 },
  );
});
