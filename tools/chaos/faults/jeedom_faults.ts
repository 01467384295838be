/** Faults of Jeedom. */
import { setTimeout as pause } from "node:timers/promises";
import type { JeedomFault } from "../../support/faulty_jeedom.ts";
import { type Fault, untilFailing } from "../fault.ts";

/** Duration of slow answers, in milliseconds. */
const SLOW_MS = 3000;

/** Jeedom killed, and each fault of its server. */
export const JEEDOM_FAULTS: readonly Fault[] = [
  {
    name: "jeedom-killed",
    title: "Jeedom killed and restarted",
    isUnready: true,
    async inject(context) {
      const { jeedom } = context.environment;
      await jeedom.stop();
      await untilFailing(context, "commands", { code: "failed" });
      return () => jeedom.start();
    },
  },
  { ...serverFault("frozen", "Jeedom frozen for longer than JEEDOM_TIMEOUT_MS"), isUnready: true },
  { ...serverFault("garbage", "Jeedom sends seven kinds of invalid answers"), isUnready: true },
  { ...serverFault("huge", "Jeedom answers 50 MB"), isUnready: true },
  serverFault("disconnecting", "Jeedom closes idle connections during a request"),
  {
    ...serverFault("slow", "Jeedom sends its answers in small pieces for 3 s"),
    async inject({ environment: { jeedom } }) {
      jeedom.fault = "slow";
      await pause(SLOW_MS);
      return () => Promise.resolve(void (jeedom.fault = "normal"));
    },
  },
];

function serverFault(fault: JeedomFault, title: string): Fault {
  return {
    name: `jeedom-${fault}`,
    title,
    async inject(context) {
      const { jeedom } = context.environment;
      jeedom.fault = fault;
      await untilFailing(context, "commands");
      return () => Promise.resolve(void (jeedom.fault = "normal"));
    },
  };
}
