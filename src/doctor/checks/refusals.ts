/**
 * Check of the requests that the gateway refused in the last minutes, by cause, as reported on its metrics port.
 *
 * @module
 */
import { z } from "zod";
import { ADDRESS_CAUSES, NAMED_CAUSES, OPENED_CAUSES } from "../../observability/recent_refusals.ts";
import { DEFAULT_KEY_NAME, isKeyName } from "../../keys/schema.ts";
import { ask } from "../../lib/http_probe.ts";
import { tryParseJson } from "../../lib/json.ts";
import { type Check, type Finding, ok, skipped, warning } from "../check.ts";

/** Check of refused requests. */
export const REFUSALS: Check = {
  name: "refusals",
  async run({ config: { metrics: { host, port } }, localUrl, machine, now }, signal) {
    if (port === "off") return skipped("METRICS_PORT is off: only the log shows what the gateway refuses");
    if (port === 0) return skipped("METRICS_PORT is 0, so only the log shows the port");
    const url = localUrl({ host, port, tlsCertFile: undefined });
    const reply = await ask(`${url}/refusals`, { fetch: machine.fetch, now, signal });
    if (reply.kind === "failure") return skipped(`No gateway answers on port ${port}: see metrics`);
    const answer = reply.status === 200 ? ANSWER.safeParse(tryParseJson(reply.text)).data : undefined;
    if (answer === undefined) return skipped(`No gateway of this version answers on port ${port}: see metrics`);
    return reportRefusals(answer);
  },
};

/** Beginning of the name of a pairing code's key, which the name of the code's key follows. */
const PAIRING = "pair:";

/** Key name. Text of another program on the port must not reach the terminal. */
const keyName = z.string().refine((name) => isKeyName(name.startsWith(PAIRING) ? name.slice(PAIRING.length) : name));

const ADDRESS = /^(?:[\da-f.:]{2,45}(?:\/\d{1,3})?|others)$/;

/** Address, network, or `others`. */
const address = z.string().transform((text) => ADDRESS.test(text) ? text : "elsewhere");

const count = z.int().min(1);

const refusal = z.discriminatedUnion("cause", [
  z.object({
    cause: z.enum(ADDRESS_CAUSES),
    requests: count,
    addresses: z.array(z.object({ address, requests: count })).max(10),
  }),
  z.object({
    cause: z.enum([...NAMED_CAUSES, ...OPENED_CAUSES]),
    requests: count,
    key: keyName,
    clock_offset_seconds: z.number().optional(),
  }),
]);

const ANSWER = z.object({ minutes: z.int().min(1).max(60), refusals: z.array(refusal).max(100) });

type Answer = z.infer<typeof ANSWER>;
type Refusal = z.infer<typeof refusal>;
type AddressRefusal = Extract<Refusal, { readonly addresses: unknown }>;
type KeyRefusal = Exclude<Refusal, AddressRefusal>;

/** Description of refused requests, which follows their number, and the remedy. */
interface Description {
  readonly text: string;
  readonly remedy: string;
}

/** Descriptions by cause, of requests whose key is unknown. */
const BY_ADDRESS: Readonly<Record<AddressRefusal["cause"], Description>> = {
  "unknown_key": {
    text: "with an unknown key",
    remedy:
      "If one of your devices is there, pair it again: deno task keys show NAME. If not, an attacker tries keys: nothing to do",
  },
  "address_rate": {
    text: "above the rate limit of an address",
    remedy:
      "If one of your devices is there, check its key, and make it send fewer requests; it is accepted again after a minute",
  },
  "cross_site": {
    text: "from a web page of another site",
    remedy: "If the page is yours, allow its origin: ALLOWED_ORIGINS",
  },
};

/** Descriptions by cause, of requests that a key opened, or that name one. */
const BY_KEY: Readonly<Record<KeyRefusal["cause"], (refusal: KeyRefusal) => Description>> = {
  "old_secret": ({ key }) => ({
    text: `with an old secret of ${key}`,
    remedy: `Pair the device of ${key} again: deno task keys show ${key}`,
  }),
  removed: ({ key }) => ({
    text: `with the removed key ${key}`,
    remedy: `If the device of ${key} is to work again, give it a new key: deno task keys add ${
      key === DEFAULT_KEY_NAME ? "NAME" : key
    }`,
  }),
  disabled: ({ key }) => ({
    text: `with the disabled key ${key}`,
    remedy: `If ${key} is to work again: deno task keys enable ${key}`,
  }),
  expired: ({ key }) => ({
    text: `with the expired key ${key}`,
    remedy: `If ${key} is to work again: deno task keys set ${key} --expires 90d`,
  }),
  "old_version": ({ key }) => ({
    text: `with the key ${key} in version 1, which the key does not allow`,
    remedy: `Update the app of ${key}, or allow version 1: deno task keys set ${key} --min-protocol 1`,
  }),
  "in_force": ({ key }) => ({
    text: `naming the key ${key}, but sealed with another one or altered in transit`,
    remedy: `If the device of ${key} fails, something in between changes its requests: see public_url`,
  }),
  clock: ({ key, clock_offset_seconds: offset = 0 }) => {
    const isBehind = offset < 0;
    const remedy =
      `Turn on automatic time on the device of ${key}; if several devices are off alike, this machine's clock is wrong: timedatectl`;
    return {
      text: `with a clock ${formatDuration(offset)} off (${isBehind ? "behind" : "ahead"}), of ${key}`,
      // A replayed request has the same effect.
      remedy: isBehind
        ? `${remedy}; if its clock is correct, an old request of ${key} is replayed: nothing to do`
        : remedy,
    };
  },
  rights: ({ key }) => ({
    text: `of ${key} without the right to them`,
    remedy: "The log names each of them. Rights of keys: deno task keys list. To change them: deno task keys set NAME",
  }),
  "key_rate": ({ key }) => ({
    text: `of ${key} above its rate limit`,
    remedy: `Make the device of ${key} send fewer requests, or allow more: ${
      key === DEFAULT_KEY_NAME || key.startsWith(PAIRING)
        ? "KEY_RATE and KEY_BURST"
        : `deno task keys set ${key} --rate N --burst N`
    }`,
  }),
};

const NAMED_REMEDY = "Anyone can name a key: if its device works, an attacker sent these, and there is nothing to do";

function reportRefusals({ minutes, refusals }: Answer): Finding {
  if (refusals.length === 0) return ok(`No refused request in the last ${minutes} minutes`);
  const lines = refusals.map((refusal, index) => {
    const { requests } = refusal;
    const first = ` ${requests === 1 ? "request" : "requests"} in the last ${minutes} minutes`;
    return `${requests}${index === 0 ? first : ""} ${describe(refusal).text}`;
  });
  const remedies = refusals.map((refusal) => describe(refusal).remedy);
  const isNamed = refusals.some(({ cause }) => NAMED_CAUSES.some((named) => named === cause));
  if (isNamed) remedies.push(NAMED_REMEDY);
  return warning(lines.join("\n"), [...new Set(remedies)].join("\n"));
}

function describe(refusal: Refusal): Description {
  if (!("addresses" in refusal)) return BY_KEY[refusal.cause](refusal);
  const { text, remedy } = BY_ADDRESS[refusal.cause];
  const { addresses, requests } = refusal;
  const from = addresses.map(({ address, requests }) => `${address} (${requests})`).join(", ");
  const isAll = addresses.reduce((sum, { requests }) => sum + requests, 0) === requests;
  return { text: `${text}, from ${from}${isAll ? "" : " and others"}`, remedy };
}

/** Formats the size of a duration: in seconds up to two minutes, then in minutes, hours or days. */
function formatDuration(seconds: number): string {
  const size = Math.abs(seconds);
  const [unit, length] = size < 120
    ? ["s", 1]
    : size < 7200
    ? ["min", 60]
    : size < 172_800
    ? ["h", 3600]
    : ["d", 86_400];
  return `${Math.round(size / length)} ${unit}`;
}
