/** Rights of keys that tests begin with. */
import type { Rights } from "../../src/keys/schema.ts";

/** Nothing at all. */
export const NO_RIGHTS: Rights = {
  services: [],
  publish: [],
  subscribe: [],
  methods: [],
  refusedMethods: [],
  endpoints: [],
  brokers: [],
  ownApikey: false,
};

/** What `keys add` grants without further options. */
export const EVERYDAY_RIGHTS: Rights = {
  ...NO_RIGHTS,
  services: ["jeedom", "mqtt"],
  publish: ["#"],
  subscribe: ["#"],
  methods: ["*"],
  ownApikey: true,
};
