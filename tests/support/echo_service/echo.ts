/** A service for tests: it answers with the word of the request. One right, one setting, one section, one subscription. */
import { z } from "zod";
import { matching, setting } from "../../../src/config/rules.ts";
import { type Check, ok } from "../../../src/doctor/check.ts";
import { createReadRights, ScopeError } from "../../../src/keys/rights.ts";
import { FieldError, type Payload } from "../../../src/protocol/payload.ts";
import {
  changeList,
  describeList,
  listOption,
  type RightsDefinition,
  summarizeList,
} from "../../../src/services/rights_options.ts";
import { gatewayReply, type ServiceModule, type StreamingService } from "../../../src/services/service.ts";
import { createReadSection, readSection } from "../../../src/services/section.ts";
import { sectionOf } from "../../../src/services/section_schema.ts";
import type { EventEncoder } from "../../../src/streams/event_encoder.ts";

const NAME = "echo";

/** Settings of the service. */
export const ECHO_SETTINGS = {
  name: NAME,
  title: "Echo",
  settings: {
    greeting: setting("ECHO_GREETING", {
      rule: matching(/^\w{1,20}$/, "must be one word"),
      default: "Hello",
      doc: "Word in front of each message.",
    }),
  },
} as const;

const sectionSchema = z.strictObject({
  replies: z.record(z.string(), z.string()).default({}),
  servers: z.array(z.string().regex(/^[\w.-]+:\d+$/, "must be a host and a port, such as echo.example:7")).default([]),
});

/** The section of the service: replies to words, and further servers. */
export const ECHO_SECTION = sectionOf(NAME, sectionSchema, { replies: {}, servers: [] });

const rightsSchema = z.strictObject({ words: z.array(z.string().max(20)).max(100).default([]) });

const ECHO_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(rightsSchema.shape), safeParse: (value) => rightsSchema.safeParse(value) },
  all: { words: ["*"] },
  everyday: { words: ["*"] },
  options: { word: listOption("WORD", "Words to echo, or '*'") },
  addNote: "Echo: every word.",
  change({ before = {}, values, isNamed, isNew }) {
    const { words } = rightsSchema.parse(before);
    const given = changeList(values, "word", { isNew }) ?? (isNamed && words.length === 0 ? ["*"] : undefined);
    return { rights: { words: given ?? words }, isGranted: given !== undefined && given.length > 0, mistakes: [] };
  },
  values: (rights) => ({ word: rightsSchema.parse(rights).words }),
  describe: (rights) => [["echo words", describeList(rightsSchema.parse(rights).words)]],
  summarize: (rights) => `echo ${summarizeList(rightsSchema.parse(rights).words)}`,
};

/** Makes the service. */
export function createEchoService(
  { greeting, encoder, now, replies = () => ({}) }: {
    readonly greeting: string;
    readonly encoder: EventEncoder;
    readonly now: () => number;
    readonly replies?: () => Readonly<Record<string, string>>;
  },
): StreamingService {
  const readRights = createReadRights(NAME, (rights) => new Set(rightsSchema.parse(rights).words));
  const wordOf = ({ word }: Payload) => {
    if (typeof word !== "string") throw new FieldError("Missing required field: word");
    return word;
  };
  const authorize = (words: ReadonlySet<string>, word: string) => {
    if (!words.has("*") && !words.has(word)) throw new ScopeError(`echo ${word}`);
  };
  return {
    name: NAME,
    fieldErrorStatus: 400,
    target: ({ word }) => typeof word === "string" ? word : undefined,
    handle(payload, { scope }) {
      const word = wordOf(payload);
      authorize(readRights(scope), word);
      const known = replies();
      const echo = Object.hasOwn(known, word) ? known[word] : `${greeting} ${word}`;
      return Promise.resolve(gatewayReply(200, { echo }));
    },
    subscribe(payload, { key, stream, onConnected }) {
      const word = wordOf(payload);
      authorize(readRights(key.scope), word);
      const timestamp = Math.floor(now() / 1000);
      stream.push(encoder.event(key, { type: "connected", topic: word, topics: [word], message: "Connected" }));
      onConnected();
      const message = { topic: word, payload: `${greeting} ${word}`, qos: 0, retain: false, timestamp };
      stream.push(encoder.event(key, { type: "message", ...message, epoch: "echo", offset: 0 }));
      return () => {};
    },
  };
}

// Of the services in the registry, the type of the configuration has the groups: there it is config.echo.
const configSchema = z.object({ [NAME]: z.object({ greeting: z.string() }) });

const ECHO_CHECK: Check = {
  name: NAME,
  run: ({ config }) => Promise.resolve(ok(`Greets with ${configSchema.parse(config).echo.greeting}`)),
};

/** The service. */
export const echo: ServiceModule<typeof ECHO_SETTINGS> = {
  name: NAME,
  dependency: NAME,
  settings: ECHO_SETTINGS,
  section: ECHO_SECTION,
  rights: ECHO_RIGHTS,
  maxAnswerBytes: () => 0,
  allowNet: (_config, sections) => ["echo.example:7", ...readSection(ECHO_SECTION, sections).servers],
  startText: (config) => ({ template: "greeting with {greeting}", fields: configSchema.parse(config).echo }),
  doctor: () => Promise.resolve([ECHO_CHECK]),
  remedyIfUnset: ({ isSet }) => isSet("ECHO_GREETING") ? undefined : "Set ECHO_GREETING",
  create({ config, sections, encoder, now }) {
    const { greeting } = configSchema.parse(config).echo;
    const read = createReadSection(ECHO_SECTION, sections);
    const service = createEchoService({ greeting, encoder, now, replies: () => read().replies });
    return Promise.resolve({ service, check: () => Promise.resolve() });
  },
};
