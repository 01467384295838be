/** What can happen to the clock of the gateway's machine. */
import { until } from "../../../tests/support/deadline.ts";
import { type Fault, type Scene, untilFailing } from "../fault.ts";
import { faketimeEnv, setClock } from "../libfaketime.ts";

const HOUR_SECONDS = 3600;

/** How old a request may be here, in seconds: the gateway remembers for twice as long, and that must be over, too. */
const MAX_AGE_SECONDS = 2;

/** More than the gateway remembers, in milliseconds. */
const FORGOTTEN_MS = (2 * MAX_AGE_SECONDS + 1) * 1000;

/** Clock an hour ahead, and an hour behind, and right again. */
export const CLOCK_FAULTS: readonly Fault[] = [
  jump("ahead", HOUR_SECONDS),
  jump("behind", -HOUR_SECONDS),
  inRedis(jump("ahead", HOUR_SECONDS)),
];

/** The same with the memory of the gateway in Redis, whose own clock stays. */
function inRedis({ name, title, needs = [], house, ...fault }: Fault): Fault {
  return {
    ...fault,
    name: `${name}-redis`,
    title: `${title}, with its memory in Redis`,
    needs: [...needs, "redis"],
    house: { ...house, hasRedis: true },
  };
}

function jump(where: string, seconds: number): Fault {
  return {
    name: `clock-${where}`,
    title: `Clock of the gateway jumps an hour ${where}, and back`,
    needs: ["libfaketime"],
    house: {
      env: { ...faketimeEnv(), MAX_AGE_SECONDS: String(MAX_AGE_SECONDS) },
      async prepare(directory) {
        await setClock(directory, 0);
        return () => Promise.resolve();
      },
    },
    async break(scene) {
      await setClock(scene.house.directory, seconds);
      await untilFailing(scene, "commands", { code: "expired" });
      await untilForgotten(scene);
      return async () => {
        await setClock(scene.house.directory, 0);
        // What was remembered of the wrong time is forgotten now: only then is it known what follows from that.
        await untilForgotten(scene);
      };
    },
  };
}

async function untilForgotten({ house: { messages } }: Scene): Promise<void> {
  const from = messages.entries.size;
  const since = performance.now();
  const isOver = () => performance.now() > since + FORGOTTEN_MS && messages.entries.size > from;
  await until("the gateway has forgotten what ran", isOver);
}
