/** What can happen to a broker. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../../tests/support/deadline.ts";
import { type Fault, type Scene, untilFailing } from "../fault.ts";

/** How long a broker is frozen that the gateway waits for, in milliseconds: less than its `MQTT_TIMEOUT_MS`. */
const SHORT_FREEZE_MS = 500;

/** A broker that is too slow for what is asked of it: how long it stands still and runs, in turn, in milliseconds. */
const SLOW = { stoppedMs: 180, runningMs: 20, turns: 25 };

/** How a message fails that the broker did not take. */
const NOT_TAKEN = { code: "failed" };

/** Broker killed, frozen, slow, and back with other logins. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    name: "broker-killed",
    title: "Broker killed, started again",
    needs: ["mosquitto"],
    isUnready: true,
    async break(scene) {
      await scene.house.broker.stop("SIGKILL");
      await untilFailing(scene, "messages", NOT_TAKEN);
      return () => scene.house.broker.start();
    },
  },
  {
    name: "broker-frozen-short",
    title: "Broker frozen for half of MQTT_TIMEOUT_MS",
    needs: ["mosquitto"],
    async break({ house }) {
      house.broker.signal("SIGSTOP");
      await pause(SHORT_FREEZE_MS);
      return () => thaw(house);
    },
  },
  {
    name: "broker-frozen",
    title: "Broker frozen for longer than MQTT_TIMEOUT_MS",
    needs: ["mosquitto"],
    isUnready: true,
    async break(scene) {
      scene.house.broker.signal("SIGSTOP");
      await untilFailing(scene, "messages", NOT_TAKEN);
      return () => thaw(scene.house);
    },
  },
  {
    name: "broker-slow",
    title: "Broker slow: runs a tenth of the time for 5 s",
    needs: ["mosquitto"],
    async break({ house }) {
      for (let turn = 0; turn < SLOW.turns; turn++) {
        house.broker.signal("SIGSTOP");
        await pause(SLOW.stoppedMs);
        house.broker.signal("SIGCONT");
        await pause(SLOW.runningMs);
      }
      return () => Promise.resolve();
    },
  },
  {
    name: "broker-wrong-login",
    title: "Broker back with another password, then with the right one",
    needs: ["mosquitto"],
    house: { hasLogins: true },
    isUnready: true,
    async break(scene) {
      const { broker, gateway } = scene.house;
      await broker.stop("SIGKILL");
      await broker.start("another");
      await until("the gateway is refused", () => /refused the user name or password/.test(gateway.output.text));
      await untilFailing(scene, "messages", NOT_TAKEN);
      return async () => {
        await broker.stop("SIGKILL");
        await broker.start();
      };
    },
  },
];

function thaw({ broker }: Scene["house"]): Promise<void> {
  broker.signal("SIGCONT");
  return Promise.resolve();
}
