/** Gateways with one fault each, and the checks that must detect it. */
import { fromBase64, randomBytes, toBase64 } from "../../src/protocol/bytes.ts";
import { type Route, tryRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { parseRequest, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { KEY_ID_HEADER, type SecretKey } from "../../src/protocol/secret_key.ts";
import { type Answered, type Changes, type Fields, tamperingFetch } from "./tampering_proxy.ts";

/** Fault of a gateway. */
export interface Fault {
  readonly name: string;
  /** Returns a `fetch` to the faulty gateway. */
  readonly fetch: (key: SecretKey) => typeof fetch;
  /** Checks that must fail, and their messages. */
  readonly detectedBy: Readonly<Record<string, RegExp>>;
  /** True if the fault is that something is not sent. */
  readonly isSilence?: boolean;
  /** Versions of the protocol. */
  readonly versions?: readonly Version[];
}

interface Message {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  /** Body, where it is text. */
  readonly body: string | undefined;
}

type Respond = (message: Message, pass: (body?: string) => Promise<Response>) => Response | Promise<Response>;

/** Returns a `fetch` through a proxy without the key, which answers itself or changes messages. */
function proxied(respond: Respond): Fault["fetch"] {
  return () => (input, init) =>
    Promise.resolve(respond(
      {
        path: new URL(String(input)).pathname,
        method: init?.method ?? "GET",
        headers: new Headers(init?.headers),
        body: typeof init?.body === "string" ? init.body : undefined,
      },
      (body) => fetch(input, body === undefined ? init : { ...init, body }),
    ));
}

/** Returns a `fetch` through a proxy that refuses some requests with one status. */
function refusing(status: number, isRefused: (message: Message) => boolean): Fault["fetch"] {
  return proxied((message, pass) =>
    isRefused(message) ? Response.json({ error: "Decryption failed" }, { status }) : pass()
  );
}

/** Returns a `fetch` through a proxy with the key, which changes messages. */
const tampering = (changes: Changes): Fault["fetch"] => (key) => tamperingFetch(key, changes);

/** Changes headers of all responses. */
function withHeaders(change: (headers: Headers) => void): Fault["fetch"] {
  return proxied(async (_message, pass) => {
    const response = await pass();
    const headers = new Headers(response.headers);
    change(headers);
    return new Response(response.body, { status: response.status, headers });
  });
}

const asksForBatches = ({ request, version }: Answered) => version === 2 && request["batch"] === true;

/** Returns a `fetch` to a gateway whose batches have one message each, which is changed. */
function batching(change: (message: Fields) => readonly unknown[]): Fault["fetch"] {
  return tampering({
    request: without("batch"),
    event(event, about) {
      const { type, ...message } = event;
      return [type === "message" && asksForBatches(about) ? { type: "messages", messages: change(message) } : event];
    },
  });
}

/** Returns a `fetch` to a gateway whose batches have two messages each, in the order that a function gives them. */
export function pairing(order: (pair: readonly Fields[]) => readonly Fields[]): Fault["fetch"] {
  const waiting = new WeakMap<Fields, Fields>();
  return tampering({
    request: without("batch"),
    event(event, about) {
      const { type, ...message } = event;
      if (type !== "message" || !asksForBatches(about)) return [event];
      const { request } = about;
      const first = waiting.get(request);
      waiting.delete(request);
      if (first !== undefined) return [{ type: "messages", messages: order([first, message]) }];
      waiting.set(request, message);
      return [];
    },
  });
}

/** Returns a `fetch` to a gateway that is too old for batches. */
export const withoutBatches: Fault["fetch"] = (key) => tamperingFetch(key, { request: without("batch") });

const normalized = (text: string) => {
  try {
    return toBase64(fromBase64(text + "=".repeat(-text.length & 3)));
  } catch {
    return text;
  }
};

const isType = (type: string) => (event: Fields) => event["type"] === type;
const without = (...names: readonly string[]) => (fields: Fields) => [
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))),
];

/** Opens requests of any route. */
const anyRoute = (key: SecretKey): typeof fetch => async (input, init) => {
  const url = new URL(String(input));
  const envelope = typeof init?.body === "string" && init.body.startsWith("2.") ? parse(init.body) : undefined;
  if (envelope?.version !== 2) return await fetch(input, init);
  for (const route of ["/gateway", "/mqtt/publish"] as const satisfies readonly Route[]) {
    const plaintext = route === url.pathname ? undefined : await tryRequestV2(key, envelope, route);
    if (plaintext === undefined) continue;
    const { text } = await sealRequest(key, plaintext, {
      version: 2,
      route: url.pathname === "/gateway" ? "/gateway" : "/mqtt/publish",
      random: randomBytes,
    });
    return await fetch(input, { ...init, body: text });
  }
  return await fetch(input, init);
};

function parse(text: string) {
  try {
    return parseRequest(text);
  } catch {
    return undefined;
  }
}

const withoutReasons = tampering({
  answer: (answer) => answer["status"] === 200 ? answer : { ...answer, body: '{"error":"Refused"}' },
  event: (event) => [isType("error")(event) ? { ...event, message: "Refused" } : event],
});

const NO_REASON = /Error does not contain/;
const NO_FIELD = /Message does not name/;
const DETAIL = /body: expected .*, got .*tag/;
const ACCEPTED = /HTTP status: expected 401, got 200/;
const ANOTHER_ANSWER = /answer.*: expected .*, got/;
const WITH_BATCH = "with batch, every message comes once and in order";
const TWICE = /expected \[\["one",\d\]\], got \[\["one",\d\],\["one",\d\]\]/;

const UNKNOWN_ACTION = "an unknown action is refused like one that is not granted";
const UNKNOWN_QUERY = "an unknown query is refused like one that is not granted";
const UNKNOWN_WRITE = "an unknown write is refused like one that is not granted";

/** Answer to a request that describes push messages. */
const PUSH_STATE = { enabled: true, max: 5, maxRules: 50, subscriptions: [], rules: [], sources: [] };

/** All faults. */
export const FAULTS: readonly Fault[] = [
  {
    name: "health has more fields",
    fetch: proxied(({ path }, pass) =>
      path === "/health" ? Response.json({ status: "ok", version: "1", host: "pi" }) : pass()
    ),
    detectedBy: { "health has status and version, and nothing else": /fields/ },
  },
  {
    name: "no HEAD",
    fetch: refusing(405, ({ method }) => method === "HEAD"),
    detectedBy: { "health answers HEAD": /405/ },
  },
  {
    name: "paths are not exact",
    fetch: refusing(401, ({ path }) => path === "/gateway/"),
    detectedBy: { "unknown path": /expected 404, got 401/ },
  },
  {
    name: "leading slashes are significant",
    fetch: refusing(404, ({ path }) => path.startsWith("//")),
    detectedBy: { "slashes before a path": /expected 200, got 404/ },
  },
  {
    name: "answers have no source",
    fetch: tampering({ answer: (answer) => ({ ...answer, source: undefined }) }),
    detectedBy: {
      "an error carries source and its code": /source and code/,
      "a publish carries source": /source and code/,
    },
  },
  {
    name: "errors have no codes",
    fetch: tampering({
      answer: (answer) => ({ ...answer, body: String(answer["body"]).replace(/"code":"\w+"/, '"code":"error"') }),
    }),
    detectedBy: { "an error carries source and its code": /got \["gateway","error"\]/ },
  },
  {
    name: "every answer is the gateway's",
    fetch: tampering({ answer: (answer) => ({ ...answer, source: "gateway" }) }),
    detectedBy: { "an answer of Jeedom carries no source": /expected nothing, got "gateway"/ },
  },
  {
    name: "events have no source and code",
    fetch: tampering({ event: without("source", "code") }),
    detectedBy: { "an error event carries source and its code": /type, source and code/ },
  },
  {
    name: "no Allow",
    fetch: withHeaders((headers) => headers.delete("Allow")),
    detectedBy: { "wrong method": /Allow/ },
  },
  {
    name: "sizes are not limited",
    fetch: refusing(401, ({ method, body = "" }) => method === "POST" && (body === "" || body.length > 2 ** 20)),
    detectedBy: { "too large by its length": /got 401/, "too large by its bytes": /got 401/ },
  },
  {
    name: "answers have another type",
    fetch: withHeaders((headers) => headers.set("Content-Type", "text/plain")),
    detectedBy: { "type of an answer": /Content-Type/, headers: /text\/plain/ },
  },
  {
    name: "requests need a type",
    fetch: refusing(415, ({ headers }) => headers.get("Content-Type")?.startsWith("text/") ?? false),
    detectedBy: { "type of a request": /HTTP 415/ },
  },
  {
    name: "white space is refused",
    fetch: refusing(401, ({ body = "" }) => /\s/.test(body)),
    detectedBy: { "white space is skipped": /HTTP 401/, "a repeat in another encoding": /401/ },
    versions: [1],
  },
  {
    name: "named keys are refused",
    fetch: refusing(401, ({ headers }) => headers.has(KEY_ID_HEADER)),
    detectedBy: { "the key may be named": /HTTP 401/ },
  },
  {
    name: "clock with fractions",
    fetch: tampering({ answer: (answer) => ({ ...answer, timestamp: Number(answer["timestamp"]) + 0.5 }) }),
    detectedBy: { "shape of an answer": /not whole/ },
  },
  {
    name: "clock that is wrong",
    fetch: tampering({
      answer: (answer) => ({ ...answer, timestamp: 0 }),
      event: (event) => [{ ...event, timestamp: 0 }],
    }),
    detectedBy: { "timestamp is old": /timestamp is 0/, "expired subscription": /timestamp is 0/ },
  },
  {
    name: "answers of another version",
    fetch: proxied(async ({ path }, pass) =>
      path === "/gateway" ? new Response((await (await pass()).text()).replace(/^(2\.)?/, "3.")) : await pass()
    ),
    detectedBy: { "version of an answer": /does not open/ },
  },
  {
    name: "nonces and salts are fixed",
    fetch: tampering({ random: (length) => new Uint8Array(length) }),
    detectedBy: { "fresh nonce or salt for each answer": /same one/, "a key of its own for each stream": /the salt/ },
  },
  {
    name: "any JSON is an object",
    fetch: tampering({ request: (fields) => [Array.isArray(fields) ? { timestamp: Date.now() / 1000 } : fields] }),
    detectedBy: { "payload is not an object": NO_REASON },
  },
  {
    name: "own messages are taken for requests",
    fetch: tampering({ request: without("type", "status", "body") }),
    detectedBy: {
      "a payload with the shape of an event": NO_REASON,
      "a payload with the shape of an answer": NO_REASON,
    },
    versions: [1],
  },
  {
    name: "refusals have no reason",
    fetch: withoutReasons,
    detectedBy: {
      "unknown fields, and null": NO_REASON,
      "unknown service": NO_REASON,
      "a wrong field of a call is named": NO_REASON,
      "a wrong field of a message is named": NO_REASON,
      "topics with wildcards, or of the broker's own": NO_REASON,
      "refused: no topic": NO_FIELD,
      "refused: an empty topic": NO_FIELD,
      "refused: # within a filter": NO_FIELD,
      "refused: a filter of the broker's own": NO_FIELD,
      "refused: topics is not a list": NO_FIELD,
      "refused: a wrong quality of service": NO_FIELD,
      "refused: a wrong position": NO_FIELD,
      "refused: a wrong keep": NO_FIELD,
    },
  },
  {
    name: "null is a value",
    fetch: tampering({ request: (fields) => [fields["service"] === null ? { ...fields, service: "null" } : fields] }),
    detectedBy: { "unknown fields, and null": NO_REASON },
  },
  {
    name: "401 with a detail",
    fetch: proxied(async (_message, pass) => {
      const response = await pass();
      if (response.status !== 401) return response;
      await response.body?.cancel();
      return Response.json({ error: "Decryption failed", detail: "tag" }, { status: 401 });
    }),
    detectedBy: {
      garbage: DETAIL,
      "an empty body": DETAIL,
      "shorter than nonce and tag": DETAIL,
      "shorter than salt and tag": DETAIL,
      "another key": DETAIL,
      "an unknown key id": DETAIL,
      "an unknown key id in the header": DETAIL,
      "one bit is flipped": DETAIL,
      "plaintext is not UTF-8": DETAIL,
      "an answer, sent back as a request": DETAIL,
      "an event, sent back as a request": DETAIL,
      "a request again, on another route": /tag/,
    },
  },
  {
    name: "lenient base64",
    fetch: proxied(({ body }, pass) => pass(body?.includes(".") === false ? normalized(body) : body)),
    detectedBy: { "padding is missing": ACCEPTED },
    versions: [1],
  },
  {
    name: "lenient base64url",
    fetch: proxied(({ body }, pass) => pass(body?.replace(/[=\s]+$/, ""))),
    detectedBy: { padding: ACCEPTED, "white space": ACCEPTED },
    versions: [2],
  },
  {
    name: "key ids in any case",
    fetch: proxied(({ body }, pass) => pass(body?.replace(/^2\.[^.]*/, (text) => text.toLowerCase()))),
    detectedBy: { "a key id in capitals": ACCEPTED },
    versions: [2],
  },
  {
    name: "routes are not bound",
    fetch: anyRoute,
    detectedBy: { "sealed for another route": ACCEPTED, "a request again, on another route": /got \[200/ },
    versions: [2],
  },
  {
    name: "timestamps are whole numbers, and not checked",
    fetch: tampering({
      request: (fields) => {
        const isBroken = fields["timestamp"] === Math.floor(Number(fields["timestamp"])) + 0.25;
        return [{ ...fields, timestamp: isBroken ? "x" : Date.now() / 1000 }];
      },
    }),
    detectedBy: {
      "fractions are accepted": NO_REASON,
      "timestamp is missing": NO_REASON,
      "timestamp is a string": NO_REASON,
      "timestamp is old": NO_REASON,
      "timestamp is ahead": NO_REASON,
      "expired subscription": /event: expected/,
    },
  },
  {
    name: "replays are not detected",
    fetch: tampering({}),
    detectedBy: {
      "a repeat gets the first answer": ANOTHER_ANSWER,
      "a repeat in another encoding": ANOTHER_ANSWER,
      "a repeat runs nothing": ANOTHER_ANSWER,
      "the same request several times at once": /different answers/,
      "a repeat on another route": ANOTHER_ANSWER,
      "a subscribe request again, on another route": /status: expected 409/,
      "another request with the same nonce or salt": NO_REASON,
      "a repeated subscription": /event: expected/,
    },
  },
  {
    name: "everything runs twice",
    fetch: (key) => {
      const answers = new Map<string, Promise<string>>();
      const twice = tamperingFetch(key, {
        request: (fields, route) => route === "/mqtt/publish" ? [fields, fields] : [fields],
      });
      return async (input, init) => {
        if (!String(input).endsWith("/publish")) return await fetch(input, init);
        const ask = async () => await (await twice(input, init)).text();
        const answer = answers.get(String(init?.body)) ?? ask();
        answers.set(String(init?.body), answer);
        return new Response(await answer);
      };
    },
    detectedBy: {
      "a repeat runs nothing": /messages: expected/,
      "the same request several times at once": /messages: expected/,
      "quality of service 0: acknowledged, and received once": TWICE,
      "quality of service 1: acknowledged, and received once": TWICE,
      "quality of service 2: acknowledged, and received once": TWICE,
    },
  },
  {
    name: "Jeedom's answers are texts",
    fetch: tampering({ answer: (answer) => ({ ...answer, body: JSON.stringify(answer["body"]) }) }),
    detectedBy: { "a call passes, service absent": /not JSON-RPC/, "a call passes, service named": /not JSON-RPC/ },
  },
  {
    name: "the key is described by its name alone",
    fetch: tampering({
      answer: (answer, { service }) => service === "device" ? { ...answer, body: { name: "default" } } : answer,
    }),
    detectedBy: { "the key is described": /lacks a field/ },
  },
  {
    name: "the key is described only if it has a right to it",
    fetch: tampering({
      answer: (answer, { service }) =>
        service === "device"
          ? { ...answer, status: 403, body: '{"error":"This key may not use the service device","code":"scope"}' }
          : answer,
    }),
    detectedBy: { "the key is described": /expected \[200,"gateway"\], got \[403,"gateway"\]/ },
  },
  {
    name: "push messages are described with a wrong type",
    fetch: tampering({
      answer: (answer, { service }) => service === "push" ? { ...answer, body: { ...PUSH_STATE, max: "5" } } : answer,
    }),
    detectedBy: { "push messages are described": /lacks a field/ },
  },
  {
    name: "endpoints of push messages are sent back",
    fetch: tampering({
      answer: (answer, { service }) =>
        service === "push"
          ? { ...answer, body: { ...PUSH_STATE, subscriptions: [{ id: "1", endpoint: "https://push.example/1" }] } }
          : answer,
    }),
    detectedBy: { "push messages are described": /secrets of subscriptions: expected \[\], got \["endpoint"\]/ },
  },
  {
    name: "any device may subscribe at any address",
    fetch: tampering({
      answer: (answer, { service }) =>
        service === "push" ? { ...answer, status: 200, body: { id: "0123456789abcdef" } } : answer,
    }),
    detectedBy: { "a subscription at a private address is refused": /expected \[400,"gateway","field"\]/ },
  },
  {
    name: "endpoints are quoted in refusals",
    fetch: tampering({
      answer: (answer, { service }) =>
        service === "push"
          ? { ...answer, status: 400, body: '{"error":"https://169.254.169.254/latest/conformance","code":"field"}' }
          : answer,
    }),
    detectedBy: { "a subscription at a private address is refused": /quotes the endpoint/ },
  },
  {
    name: "actions have no list",
    fetch: tampering({
      answer: (answer, { service }) => service === "action" ? { ...answer, body: { actions: {} } } : answer,
    }),
    detectedBy: { "actions are listed": /no list of actions/ },
  },
  {
    name: "actions have no labels",
    fetch: tampering({
      answer: (answer, { service }) =>
        service === "action" ? { ...answer, body: { actions: [{ name: "open-gate", params: {} }] } } : answer,
    }),
    detectedBy: { "actions are listed": /lacks a name, a label or parameters/ },
  },
  {
    name: "names can be found out by their code",
    fetch: tampering({
      answer: (answer) => ({ ...answer, body: String(answer["body"]).replace('"code":"scope"', '"code":"field"') }),
    }),
    detectedBy: {
      [UNKNOWN_ACTION]: /expected \[403,"gateway","scope"\], got \[403,"gateway","field"\]/,
      [UNKNOWN_QUERY]: /got \[403,"gateway","field"\]/,
      [UNKNOWN_WRITE]: /got \[403,"gateway","field"\]/,
    },
  },
  {
    name: "names can be found out by their text",
    fetch: (key) => {
      let count = 0;
      return tamperingFetch(key, {
        answer: (answer) => ({ ...answer, body: String(answer["body"]).replace("may not", `may not ${count++}`) }),
      });
    },
    detectedBy: {
      [UNKNOWN_ACTION]: /texts: expected/,
      [UNKNOWN_QUERY]: /texts: expected/,
      [UNKNOWN_WRITE]: /texts: expected/,
    },
  },
  {
    name: "any URL is requested",
    fetch: tampering({
      answer: (answer, { url }) =>
        url === undefined ? answer : { status: 200, timestamp: answer["timestamp"], body: "" },
    }),
    detectedBy: {
      "a URL that is not allowed is refused, service named": /got \[200,null,null\]/,
      "a URL that is not allowed is refused, service absent": /got \[200,null,null\]/,
    },
  },
  {
    name: "fields of messages are misread",
    fetch: tampering({
      request: (fields) => [
        "message" in fields ? { ...fields, message: String(fields["message"]), service: null } : fields,
      ],
    }),
    detectedBy: {
      "as a service of the other route": /answer/,
      "a message that is not a string": /payloads/,
      "a message of null clears a retained one": /messages/,
    },
  },
  {
    name: "wildcards are published",
    fetch: tampering({
      request: (fields) => [{ ...fields, topic: String(fields["topic"]).replace(/[+#$]/g, "x") }],
    }),
    detectedBy: { "topics with wildcards, or of the broker's own": /status: expected 400, got 200/ },
  },
  {
    name: "proxies may hold streams back",
    fetch: withHeaders((headers) => headers.delete("X-Accel-Buffering")),
    detectedBy: { headers: /null/ },
  },
  {
    name: "connected has no topics",
    fetch: tampering({ event: (event) => [isType("connected")(event) ? { ...event, topics: [] } : event] }),
    detectedBy: { "connected comes first": /topic and topics/ },
  },
  {
    name: "messages are dropped",
    fetch: tampering({ event: (event) => String(event["payload"]).startsWith("3") ? [] : [event] }),
    detectedBy: {
      "messages come complete and in order": /payloads/,
      "since resumes without loss or duplicates": /messages/,
    },
  },
  {
    name: "messages come twice",
    fetch: tampering({ event: (event) => [event, event] }),
    detectedBy: {
      "filters bring what they match, once": /type of event|messages/,
      "retained messages are marked": /payload and retain|further/,
    },
  },
  {
    name: "offsets stand still",
    fetch: tampering({ event: (event) => ["offset" in event ? { ...event, offset: 5 } : event] }),
    detectedBy: { "messages come complete and in order": /offset 5 follows 5/ },
  },
  {
    name: "nothing is marked as retained",
    fetch: tampering({ event: (event) => ["retain" in event ? { ...event, retain: false } : event] }),
    detectedBy: { "retained messages are marked": /retain/ },
  },
  {
    name: "positions are ignored",
    fetch: tampering({ request: without("since") }),
    detectedBy: {
      "since resumes without loss or duplicates": /position/,
      "an unknown epoch is a gap": /first event/,
      "refused: a wrong position": /type and timestamp|Message does not name/,
    },
  },
  {
    name: "streams without an opening",
    fetch: proxied(async ({ path }, pass) => {
      const response = await pass();
      if (path !== "/mqtt/subscribe" || response.body === null) return response;
      return new Response(withoutOpening(response.body), response);
    }),
    detectedBy: {
      "numbers without gaps": /not "event: open"/,
      headers: /not "event: open"/,
      "an event, sent back as a request": /not "event: open"/,
    },
    versions: [2],
  },
  {
    name: "numbers with gaps",
    fetch: proxied(async ({ path }, pass) => {
      const response = await pass();
      if (path !== "/mqtt/subscribe" || response.body === null) return response;
      return new Response(
        response.body.pipeThrough(new TextDecoderStream()).pipeThrough(
          new TransformStream({
            transform: (text: string, controller) => controller.enqueue(text.replaceAll("id: 2\n", "id: 3\n")),
          }),
        ).pipeThrough(new TextEncoderStream()),
        response,
      );
    }),
    detectedBy: { "numbers without gaps": /not the next one/ },
    versions: [2],
  },
  {
    name: "batches come unasked",
    fetch: tampering({
      event(event) {
        const { type, ...message } = event;
        return [type === "message" ? { type: "messages", messages: [message] } : event];
      },
    }),
    detectedBy: { "no batches where none may come": /type of event: expected "message", got "messages"/ },
  },
  {
    name: "batches are in reverse order",
    fetch: pairing((pair) => pair.toReversed()),
    detectedBy: { [WITH_BATCH]: /^messages: expected/ },
    versions: [2],
  },
  {
    name: "batches come twice",
    fetch: batching((message) => [message, message]),
    detectedBy: { [WITH_BATCH]: /^messages: expected/ },
    versions: [2],
  },
  {
    name: "batches lose a message",
    fetch: pairing((pair) => pair.slice(1)),
    detectedBy: { [WITH_BATCH]: /^messages: expected/ },
    versions: [2],
  },
  {
    name: "batches have no positions",
    fetch: batching(without("epoch", "offset")),
    detectedBy: { [WITH_BATCH]: /^messages: expected/ },
    versions: [2],
  },
  {
    name: "batches are empty",
    fetch: batching(() => []),
    detectedBy: { [WITH_BATCH]: /not a list with something in it/ },
    versions: [2],
  },
  {
    name: "batches have types in them",
    fetch: batching((message) => [{ ...message, type: "message" }]),
    detectedBy: { [WITH_BATCH]: /something else than objects without a type/ },
    versions: [2],
  },
  {
    name: "batches are too large",
    fetch: batching((message) => [{ ...message, more: "x".repeat(2 ** 16) }]),
    detectedBy: { [WITH_BATCH]: /more than 64 KiB/ },
    versions: [2],
  },
  {
    name: "streams are silent",
    isSilence: true,
    fetch: tampering({ dropsComments: true, event: (event) => isType("ping")(event) ? [] : [event] }),
    detectedBy: { "a heartbeat within 15 s": /No heartbeat/ },
  },
];

function withoutOpening(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return body.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({
      transform: (text: string, controller) => controller.enqueue(text.replace(/^event: open\ndata: .*\n\n/, "")),
    }),
  ).pipeThrough(new TextEncoderStream());
}
