/** Faults of the wall clock of the gateway's machine. */
import { until } from "../../../tests/support/deadline.ts";
import { type Fault, type FaultContext, untilFailing } from "../fault.ts";
import { faketimeEnv, setClock } from "../libfaketime.ts";

const HOUR_SECONDS = 3600;

/** `MAX_AGE_SECONDS`, short because the gateway remembers requests for twice as long. */
const MAX_AGE_SECONDS = 2;

/** Time after which the gateway has forgotten a request, in milliseconds. */
const EXPIRY_MS = (2 * MAX_AGE_SECONDS + 1) * 1000;

/** Clock an hour ahead and an hour behind, and correct again. */
export const CLOCK_FAULTS: readonly Fault[] = [
  jump("ahead", HOUR_SECONDS),
  jump("behind", -HOUR_SECONDS),
  inRedis(jump("ahead", HOUR_SECONDS)),
];

/** Returns the same fault with the replay store in Redis, whose own clock is unchanged. */
function inRedis({ name, title, needs = [], environment, ...fault }: Fault): Fault {
  return {
    ...fault,
    name: `${name}-redis`,
    title: `${title}, with its replay store in Redis`,
    needs: [...needs, "redis"],
    environment: { ...environment, hasRedis: true },
  };
}

function jump(direction: string, seconds: number): Fault {
  return {
    name: `clock-${direction}`,
    title: `Clock of the gateway jumps an hour ${direction}, and back`,
    needs: ["libfaketime"],
    environment: {
      env: { ...faketimeEnv(), MAX_AGE_SECONDS: String(MAX_AGE_SECONDS) },
      async prepare(directory) {
        await setClock(directory, 0);
        return () => Promise.resolve();
      },
    },
    async inject(context) {
      await setClock(context.environment.directory, seconds);
      await untilFailing(context, "commands", { code: "expired" });
      await untilForgotten(context);
      return async () => {
        await setClock(context.environment.directory, 0);
        // Only once requests of the wrong time are forgotten, all consequences have shown.
        await untilForgotten(context);
      };
    },
  };
}

async function untilForgotten({ environment: { messages } }: FaultContext): Promise<void> {
  const before = messages.requests.size;
  const since = performance.now();
  const isForgotten = () => performance.now() > since + EXPIRY_MS && messages.requests.size > before;
  await until("the gateway has forgotten earlier requests", isForgotten);
}
