/** Rights of keys in tests. */
import type { Rights } from "../../src/keys/schema.ts";

/** No rights. */
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

/** Rights that `keys add` grants by default. */
export const EVERYDAY_RIGHTS: Rights = {
  ...NO_RIGHTS,
  services: ["jeedom", "mqtt"],
  publish: ["#"],
  subscribe: ["#"],
  methods: ["*"],
  ownApikey: true,
};
