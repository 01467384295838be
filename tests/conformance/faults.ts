/** Gateways that are wrong in one thing each, and the checks that have to see it. */
import { fromBase64, randomBytes, toBase64 } from "../../src/protocol/bytes.ts";
import { type Route, tryRequestV2 } from "../../src/protocol/v2/envelope.ts";
import { parseRequest, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import { KEY_ID_HEADER, type SecretKey } from "../../src/protocol/secret_key.ts";
import { type Fields, type Habits, through } from "./middleman.ts";

/** A wrong gateway. */
export interface Fault {
  readonly name: string;
  /** Makes the way to it. */
  readonly fetch: (key: SecretKey) => typeof fetch;
  /** The checks that have to fail, and what they have to see. */
  readonly seenBy: Readonly<Record<string, RegExp>>;
  /** Whether it shows by what does not come. */
  readonly isSilence?: boolean;
  /** In which versions. */
  readonly versions?: readonly Version[];
}

interface Message {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  /** The body, where it is a text. */
  readonly body: string | undefined;
}

type Respond = (message: Message, pass: (body?: string) => Promise<Response>) => Response | Promise<Response>;

/** A way on which somebody without the key answers, or changes what passes. */
function between(respond: Respond): Fault["fetch"] {
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

/** The same for somebody who answers all that is not as expected with one status. */
function answering(status: number, isWrong: (message: Message) => boolean): Fault["fetch"] {
  return between((message, pass) =>
    isWrong(message) ? Response.json({ error: "Decryption failed" }, { status }) : pass()
  );
}

/** A way on which somebody with the key spoils what passes. */
const spoiling = (habits: Habits): Fault["fetch"] => (key) => through(key, habits);

/** Changes headers of all responses. */
function withHeaders(change: (headers: Headers) => void): Fault["fetch"] {
  return between(async (_message, pass) => {
    const response = await pass();
    const headers = new Headers(response.headers);
    change(headers);
    return new Response(response.body, { status: response.status, headers });
  });
}

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

/** Opens requests for whatever route they were sealed. */
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

const vague = spoiling({
  answer: (answer) => answer["status"] === 200 ? answer : { ...answer, body: '{"error":"Refused"}' },
  event: (event) => [isType("error")(event) ? { ...event, message: "Refused" } : event],
});

const UNTOLD = /Error does not tell/;
const UNNAMED = /Message does not name/;
const DETAIL = /body: expected .*, got .*tag/;
const ACCEPTED = /HTTP status: expected 401, got 200/;
const AGAIN = /answer.*: expected .*, got/;
const TWICE = /expected \[\["one",\d\]\], got \[\["one",\d\],\["one",\d\]\]/;

/** All of them. */
export const FAULTS: readonly Fault[] = [
  {
    name: "health tells more",
    fetch: between(({ path }, pass) =>
      path === "/health" ? Response.json({ status: "ok", version: "1", host: "pi" }) : pass()
    ),
    seenBy: { "health tells status and version, and no more": /fields/ },
  },
  {
    name: "no HEAD",
    fetch: answering(405, ({ method }) => method === "HEAD"),
    seenBy: { "health answers HEAD": /405/ },
  },
  {
    name: "paths are not exact",
    fetch: answering(401, ({ path }) => path === "/gateway/"),
    seenBy: { "unknown path": /expected 404, got 401/ },
  },
  {
    name: "slashes are counted",
    fetch: answering(404, ({ path }) => path.startsWith("//")),
    seenBy: { "slashes before a path": /expected 200, got 404/ },
  },
  {
    name: "answers do not tell who made them",
    fetch: spoiling({ answer: (answer) => ({ ...answer, source: undefined }) }),
    seenBy: {
      "an error carries source and its code": /source and code/,
      "a publish carries source": /source and code/,
    },
  },
  {
    name: "errors have no codes",
    fetch: spoiling({
      answer: (answer) => ({ ...answer, body: String(answer["body"]).replace(/"code":"\w+"/, '"code":"error"') }),
    }),
    seenBy: { "an error carries source and its code": /got \["gateway","error"\]/ },
  },
  {
    name: "every answer is the gateway's",
    fetch: spoiling({ answer: (answer) => ({ ...answer, source: "gateway" }) }),
    seenBy: { "an answer of Jeedom carries no source": /expected nothing, got "gateway"/ },
  },
  {
    name: "events do not tell who made them",
    fetch: spoiling({ event: without("source", "code") }),
    seenBy: { "an error event carries source and its code": /type, source and code/ },
  },
  { name: "no Allow", fetch: withHeaders((headers) => headers.delete("Allow")), seenBy: { "wrong method": /Allow/ } },
  {
    name: "sizes are not limited",
    fetch: answering(401, ({ method, body = "" }) => method === "POST" && (body === "" || body.length > 2 ** 20)),
    seenBy: { "too large, as its length tells": /got 401/, "too large, as its bytes tell": /got 401/ },
  },
  {
    name: "answers have another type",
    fetch: withHeaders((headers) => headers.set("Content-Type", "text/plain")),
    seenBy: { "type of an answer": /Content-Type/, headers: /text\/plain/ },
  },
  {
    name: "requests need a type",
    fetch: answering(415, ({ headers }) => headers.get("Content-Type")?.startsWith("text/") ?? false),
    seenBy: { "type of a request": /HTTP 415/ },
  },
  {
    name: "white space is refused",
    fetch: answering(401, ({ body = "" }) => /\s/.test(body)),
    seenBy: { "white space is skipped": /HTTP 401/, "a repeat in another spelling": /401/ },
    versions: [1],
  },
  {
    name: "named keys are refused",
    fetch: answering(401, ({ headers }) => headers.has(KEY_ID_HEADER)),
    seenBy: { "the key may be named": /HTTP 401/ },
  },
  {
    name: "clock with fractions",
    fetch: spoiling({ answer: (answer) => ({ ...answer, timestamp: Number(answer["timestamp"]) + 0.5 }) }),
    seenBy: { "shape of an answer": /not whole/ },
  },
  {
    name: "clock that is wrong",
    fetch: spoiling({
      answer: (answer) => ({ ...answer, timestamp: 0 }),
      event: (event) => [{ ...event, timestamp: 0 }],
    }),
    seenBy: { "timestamp is old": /timestamp is 0/, "stale subscription": /timestamp is 0/ },
  },
  {
    name: "answers of another version",
    fetch: between(async ({ path }, pass) =>
      path === "/gateway" ? new Response((await (await pass()).text()).replace(/^(2\.)?/, "3.")) : await pass()
    ),
    seenBy: { "version of an answer": /does not open/ },
  },
  {
    name: "nonces and salts are fixed",
    fetch: spoiling({ random: (length) => new Uint8Array(length) }),
    seenBy: { "fresh nonce or salt for each answer": /same one/, "a key of its own for each stream": /the salt/ },
  },
  {
    name: "any JSON is an object",
    fetch: spoiling({ request: (fields) => [Array.isArray(fields) ? { timestamp: Date.now() / 1000 } : fields] }),
    seenBy: { "payload is no object": UNTOLD },
  },
  {
    name: "own messages are taken for requests",
    fetch: spoiling({ request: without("type", "status", "body") }),
    seenBy: {
      "a payload with the shape of an event": UNTOLD,
      "a payload with the shape of an answer": UNTOLD,
    },
    versions: [1],
  },
  {
    name: "refusals do not tell why",
    fetch: vague,
    seenBy: {
      "unknown fields, and null": UNTOLD,
      "unknown service": UNTOLD,
      "a wrong field of a call is named": UNTOLD,
      "a wrong field of a message is named": UNTOLD,
      "topics with wildcards, or of the broker's own": UNTOLD,
      "refused: no topic": UNNAMED,
      "refused: an empty topic": UNNAMED,
      "refused: # within a filter": UNNAMED,
      "refused: a filter of the broker's own": UNNAMED,
      "refused: topics are no list": UNNAMED,
      "refused: a wrong quality of service": UNNAMED,
      "refused: a wrong position": UNNAMED,
      "refused: a wrong keep": UNNAMED,
    },
  },
  {
    name: "null is a value",
    fetch: spoiling({ request: (fields) => [fields["service"] === null ? { ...fields, service: "null" } : fields] }),
    seenBy: { "unknown fields, and null": UNTOLD },
  },
  {
    name: "401 with a detail",
    fetch: between(async (_message, pass) => {
      const response = await pass();
      if (response.status !== 401) return response;
      await response.body?.cancel();
      return Response.json({ error: "Decryption failed", detail: "tag" }, { status: 401 });
    }),
    seenBy: {
      garbage: DETAIL,
      nothing: DETAIL,
      "shorter than nonce and tag": DETAIL,
      "shorter than salt and tag": DETAIL,
      "another key": DETAIL,
      "a key id that nobody knows": DETAIL,
      "a key id in the header that nobody knows": DETAIL,
      "one bit is flipped": DETAIL,
      "plaintext is not UTF-8": DETAIL,
      "an answer, sent back as a request": DETAIL,
      "an event, sent back as a request": DETAIL,
      "a request again, on another route": /tag/,
    },
  },
  {
    name: "lenient base64",
    fetch: between(({ body }, pass) => pass(body?.includes(".") === false ? normalized(body) : body)),
    seenBy: { "padding is missing": ACCEPTED },
    versions: [1],
  },
  {
    name: "lenient base64url",
    fetch: between(({ body }, pass) => pass(body?.replace(/[=\s]+$/, ""))),
    seenBy: { padding: ACCEPTED, "white space": ACCEPTED },
    versions: [2],
  },
  {
    name: "key ids in any case",
    fetch: between(({ body }, pass) => pass(body?.replace(/^2\.[^.]*/, (text) => text.toLowerCase()))),
    seenBy: { "a key id in capitals": ACCEPTED },
    versions: [2],
  },
  {
    name: "routes are not bound",
    fetch: anyRoute,
    seenBy: { "sealed for another route": ACCEPTED, "a request again, on another route": /got \[200/ },
    versions: [2],
  },
  {
    name: "timestamps are whole, and nobody minds them",
    fetch: spoiling({
      request: (fields) => {
        const isBroken = fields["timestamp"] === Math.floor(Number(fields["timestamp"])) + 0.25;
        return [{ ...fields, timestamp: isBroken ? "x" : Date.now() / 1000 }];
      },
    }),
    seenBy: {
      "fractions are accepted": UNTOLD,
      "timestamp is missing": UNTOLD,
      "timestamp is a string": UNTOLD,
      "timestamp is old": UNTOLD,
      "timestamp is ahead": UNTOLD,
      "stale subscription": /event: expected/,
    },
  },
  {
    name: "nothing is remembered",
    fetch: spoiling({}),
    seenBy: {
      "a repeat gets the first answer": AGAIN,
      "a repeat in another spelling": AGAIN,
      "a repeat runs nothing": AGAIN,
      "the same request several times at once": /different answers/,
      "a repeat on another route": AGAIN,
      "a subscribe request again, on another route": /status: expected 409/,
      "another request with the same nonce or salt": UNTOLD,
      "a repeated subscription": /event: expected/,
    },
  },
  {
    name: "everything runs twice",
    fetch: (key) => {
      const answers = new Map<string, Promise<string>>();
      const twice = through(key, {
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
    seenBy: {
      "a repeat runs nothing": /messages: expected/,
      "the same request several times at once": /messages: expected/,
      "quality of service 0: acknowledged, and received once": TWICE,
      "quality of service 1: acknowledged, and received once": TWICE,
      "quality of service 2: acknowledged, and received once": TWICE,
    },
  },
  {
    name: "Jeedom's answers are texts",
    fetch: spoiling({ answer: (answer) => ({ ...answer, body: JSON.stringify(answer["body"]) }) }),
    seenBy: { "a call passes, service absent": /no JSON-RPC/, "a call passes, service named": /no JSON-RPC/ },
  },
  {
    name: "fields of messages are taken wrong",
    fetch: spoiling({
      request: (fields) => [
        "message" in fields ? { ...fields, message: String(fields["message"]), service: null } : fields,
      ],
    }),
    seenBy: {
      "as a service of the other route": /answer/,
      "a message that is no string": /payloads/,
      "a message of null clears a retained one": /messages/,
    },
  },
  {
    name: "wildcards are published",
    fetch: spoiling({
      request: (fields) => [{ ...fields, topic: String(fields["topic"]).replace(/[+#$]/g, "x") }],
    }),
    seenBy: { "topics with wildcards, or of the broker's own": /status: expected 400, got 200/ },
  },
  {
    name: "proxies may hold streams back",
    fetch: withHeaders((headers) => headers.delete("X-Accel-Buffering")),
    seenBy: { headers: /null/ },
  },
  {
    name: "connected forgets its topics",
    fetch: spoiling({ event: (event) => [isType("connected")(event) ? { ...event, topics: [] } : event] }),
    seenBy: { "connected comes first": /topic and topics/ },
  },
  {
    name: "messages are dropped",
    fetch: spoiling({ event: (event) => String(event["payload"]).startsWith("3") ? [] : [event] }),
    seenBy: { "messages come complete and in order": /payloads/, "since goes on without loss or double": /messages/ },
  },
  {
    name: "messages come twice",
    fetch: spoiling({ event: (event) => [event, event] }),
    seenBy: {
      "filters bring what they match, once": /type of event|messages/,
      "retained messages are marked": /payload and retain|further/,
    },
  },
  {
    name: "offsets stand still",
    fetch: spoiling({ event: (event) => ["offset" in event ? { ...event, offset: 5 } : event] }),
    seenBy: { "messages come complete and in order": /offset 5 follows 5/ },
  },
  {
    name: "nothing is marked as retained",
    fetch: spoiling({ event: (event) => ["retain" in event ? { ...event, retain: false } : event] }),
    seenBy: { "retained messages are marked": /retain/ },
  },
  {
    name: "positions are ignored",
    fetch: spoiling({ request: without("since") }),
    seenBy: {
      "since goes on without loss or double": /position/,
      "an unknown epoch is a gap": /first event/,
      "refused: a wrong position": /type and timestamp|Message does not name/,
    },
  },
  {
    name: "streams without an opening",
    fetch: between(async ({ path }, pass) => {
      const response = await pass();
      if (path !== "/mqtt/subscribe" || response.body === null) return response;
      return new Response(withoutOpening(response.body), response);
    }),
    seenBy: {
      "numbers without holes": /not "event: open"/,
      headers: /not "event: open"/,
      "an event, sent back as a request": /not "event: open"/,
    },
    versions: [2],
  },
  {
    name: "numbers with holes",
    fetch: between(async ({ path }, pass) => {
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
    seenBy: { "numbers without holes": /not the next one/ },
    versions: [2],
  },
  {
    name: "streams are silent",
    isSilence: true,
    fetch: spoiling({ isSilent: true, event: (event) => isType("ping")(event) ? [] : [event] }),
    seenBy: { "a sign of life within 15 s": /No sign of life/ },
  },
];

function withoutOpening(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return body.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({
      transform: (text: string, controller) => controller.enqueue(text.replace(/^event: open\ndata: .*\n\n/, "")),
    }),
  ).pipeThrough(new TextEncoderStream());
}
