/** Faults of the broker. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../../tests/support/deadline.ts";
import type { ChaosEnvironment } from "../environment.ts";
import { type Fault, untilFailing } from "../fault.ts";

/** Duration of a freeze that the gateway tolerates, in milliseconds: less than its `MQTT_TIMEOUT_MS`. */
const SHORT_FREEZE_MS = 500;

/** An overloaded broker: milliseconds for which it alternately stops and runs. */
const SLOW = { stoppedMs: 180, runningMs: 20, cycles: 25 };

/** Failure of a message that the broker did not acknowledge. */
const NOT_ACKNOWLEDGED = { code: "failed" };

/** Broker killed, frozen, slow, and restarted with other credentials. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    name: "broker-killed",
    title: "Broker killed and restarted",
    needs: ["mosquitto"],
    isUnready: true,
    async inject(context) {
      await context.environment.broker.stop("SIGKILL");
      await untilFailing(context, "messages", NOT_ACKNOWLEDGED);
      return () => context.environment.broker.start();
    },
  },
  {
    name: "broker-frozen-short",
    title: "Broker frozen for half of MQTT_TIMEOUT_MS",
    needs: ["mosquitto"],
    async inject({ environment }) {
      environment.broker.signal("SIGSTOP");
      await pause(SHORT_FREEZE_MS);
      return () => resumeBroker(environment);
    },
  },
  {
    name: "broker-frozen",
    title: "Broker frozen for longer than MQTT_TIMEOUT_MS",
    needs: ["mosquitto"],
    isUnready: true,
    async inject(context) {
      context.environment.broker.signal("SIGSTOP");
      await untilFailing(context, "messages", NOT_ACKNOWLEDGED);
      return () => resumeBroker(context.environment);
    },
  },
  {
    name: "broker-slow",
    title: "Broker slow: runs a tenth of the time for 5 s",
    needs: ["mosquitto"],
    async inject({ environment }) {
      for (let cycle = 0; cycle < SLOW.cycles; cycle++) {
        environment.broker.signal("SIGSTOP");
        await pause(SLOW.stoppedMs);
        environment.broker.signal("SIGCONT");
        await pause(SLOW.runningMs);
      }
      return () => Promise.resolve();
    },
  },
  {
    name: "broker-wrong-login",
    title: "Broker restarted with another password, then with the correct one",
    needs: ["mosquitto"],
    environment: { hasCredentials: true },
    isUnready: true,
    async inject(context) {
      const { broker, gateway } = context.environment;
      await broker.stop("SIGKILL");
      await broker.start("another");
      await until("the gateway is refused", () => /refused the user name or password/.test(gateway.output.text));
      await untilFailing(context, "messages", NOT_ACKNOWLEDGED);
      return async () => {
        await broker.stop("SIGKILL");
        await broker.start();
      };
    },
  },
];

function resumeBroker({ broker }: ChaosEnvironment): Promise<void> {
  broker.signal("SIGCONT");
  return Promise.resolve();
}
