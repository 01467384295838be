/**
 * Requests that the gateway refused in the last minutes, by cause, as it tells on its port for metrics.
 *
 * @module
 */
import { z } from "zod";
import { ADDRESS_CAUSES, NAMED_CAUSES, OPENED_CAUSES } from "../../observability/recent_refusals.ts";
import { DEFAULT_KEY_NAME, isKeyName } from "../../keys/schema.ts";
import { ask, jsonOf } from "../../lib/http_probe.ts";
import type { Check } from "../check.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";

/** Refused requests. */
export const REFUSALS: Check = {
  name: "refusals",
  async run({ config: { metrics: { host, port } }, localUrl, machine, now }, signal) {
    if (port === "off") return skipped("METRICS_PORT is off: only the log tells what the gateway refuses");
    if (port === 0) return skipped("METRICS_PORT is 0, so that only the log tells the port");
    const url = localUrl({ host, port, tlsCertFile: undefined });
    const asked = await ask(`${url}/refusals`, { fetch: machine.fetch, now, signal });
    if (asked.kind === "failure") return skipped(`No gateway answers on port ${port}: see metrics`);
    const told = asked.status === 200 ? ANSWER.safeParse(jsonOf(asked)).data : undefined;
    if (told === undefined) return skipped(`No gateway of this version answers on port ${port}: see metrics`);
    return report(told);
  },
};

/** The name of a key. Whatever listens on the port, its text does not reach the terminal. */
const name = z.string().refine(isKeyName);

const ADDRESS = /^(?:[\da-f.:]{2,45}(?:\/\d{1,3})?|others)$/;

/** An address or a network, or the word for very many. */
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
    key: name,
    clock_offset_seconds: z.number().optional(),
  }),
]);

const ANSWER = z.object({ minutes: z.int().min(1).max(60), refusals: z.array(refusal).max(100) });

type Answer = z.infer<typeof ANSWER>;
type Refusal = z.infer<typeof refusal>;
type AddressRefusal = Extract<Refusal, { readonly addresses: unknown }>;
type KeyRefusal = Exclude<Refusal, AddressRefusal>;

/** Refused requests, in words that follow their number, and what to do. */
interface Description {
  readonly text: string;
  readonly remedy: string;
}

/** By cause, of requests whose key is not known. */
const BY_ADDRESS: Readonly<Record<AddressRefusal["cause"], Description>> = {
  "unknown_key": {
    text: "with an unknown key",
    remedy:
      "If a device of yours is there, pair it anew: deno task keys show NAME. If not, a stranger tries keys: nothing to do",
  },
  "address_rate": {
    text: "above the rate limit of an address",
    remedy:
      "If a device of yours is there, see which key it has, and let it ask less often; it may ask again after a minute",
  },
  "cross_site": {
    text: "of a web page of another site",
    remedy: "If the page is yours, allow its origin: ALLOWED_ORIGINS",
  },
};

/** By cause, of requests that a key opened, or that name one. */
const BY_KEY: Readonly<Record<KeyRefusal["cause"], (refusal: KeyRefusal) => Description>> = {
  "old_secret": ({ key }) => ({
    text: `with an old secret of ${key}`,
    remedy: `Pair the device of ${key} anew: deno task keys show ${key}`,
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
    text: `with the key ${key} in version 1, which it must not be used with`,
    remedy: `Update the app of ${key}, or allow version 1: deno task keys set ${key} --min-protocol 1`,
  }),
  "in_force": ({ key }) => ({
    text: `naming the key ${key}, but sealed with another one or altered on the way`,
    remedy: `If the device of ${key} fails, something on the way changes its requests: see public_url`,
  }),
  clock: ({ key, clock_offset_seconds: offset = 0 }) => {
    const isBehind = offset < 0;
    const remedy =
      `Let the device of ${key} set its clock by itself; where several are off alike, it is this machine's: timedatectl`;
    return {
      text: `with a clock ${formatSpan(offset)} off (${isBehind ? "behind" : "ahead"}), of ${key}`,
      // A recording is as old as it is.
      remedy: isBehind
        ? `${remedy}; where its clock is right, an old request of ${key} is sent again: nothing to do`
        : remedy,
    };
  },
  rights: ({ key }) => ({
    text: `of ${key} for what it may not do`,
    remedy:
      "The log names each of them. What keys may do: deno task keys list. To change that: deno task keys set NAME",
  }),
  "key_rate": ({ key }) => ({
    text: `of ${key} above its rate limit`,
    remedy: `Let the device of ${key} ask less often, or allow more: ${
      key === DEFAULT_KEY_NAME ? "KEY_RATE and KEY_BURST" : `deno task keys set ${key} --rate N --burst N`
    }`,
  }),
};

const NAMED_REMEDY = "Anyone can name a key: where its device works, a stranger sent that, and there is nothing to do";

function report({ minutes, refusals }: Answer): Finding {
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

/** Writes a span of time, without its sign: seconds up to two minutes, then minutes, hours or days. */
function formatSpan(seconds: number): string {
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
