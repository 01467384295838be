/** What can happen to Jeedom. */
import { setTimeout as pause } from "node:timers/promises";
import { type Fault, untilFailing } from "../fault.ts";
import type { Mood } from "../../support/faulty_jeedom.ts";

/** How long it is slow, in milliseconds. */
const SLOW_MS = 3000;

/** Jeedom killed, and in each of its moods. */
export const JEEDOM_FAULTS: readonly Fault[] = [
  {
    name: "jeedom-killed",
    title: "Jeedom killed, started again",
    isUnready: true,
    async break(scene) {
      await scene.house.jeedom.die();
      await untilFailing(scene, "commands", { code: "failed" });
      return () => scene.house.jeedom.revive();
    },
  },
  { ...inMood("frozen", "Jeedom frozen for longer than JEEDOM_TIMEOUT_MS"), isUnready: true },
  { ...inMood("garbage", "Jeedom answers garbage of seven kinds"), isUnready: true },
  { ...inMood("huge", "Jeedom answers 50 MB"), isUnready: true },
  inMood("leaving", "Jeedom closes idle connections under a request"),
  {
    ...inMood("slow", "Jeedom dribbles its answers for 3 s"),
    async break({ house: { jeedom } }) {
      jeedom.mood = "slow";
      await pause(SLOW_MS);
      return () => Promise.resolve(void (jeedom.mood = "well"));
    },
  },
];

function inMood(mood: Mood, title: string): Fault {
  return {
    name: `jeedom-${mood}`,
    title,
    async break(scene) {
      const { jeedom } = scene.house;
      jeedom.mood = mood;
      await untilFailing(scene, "commands");
      return () => Promise.resolve(void (jeedom.mood = "well"));
    },
  };
}
