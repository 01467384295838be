/**
 * Pairing of a device by a link.
 *
 * @module
 */
import { withDeadline } from "../lib/async.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { isObject } from "../lib/json.ts";
import { type Bytes, fromBase64Url, toHex } from "../protocol/bytes.ts";
import { generateAgreementKey } from "../protocol/p256.ts";
import { isName, type Pairing } from "../protocol/pairing.ts";
import { deriveDeviceKey, derivePairingKey } from "../protocol/pairing_exchange.ts";
import { parsePairingLink } from "../protocol/pairing_link.ts";
import { deriveKeyId, importSecretKey } from "../protocol/secret_key.ts";
import type { Answer } from "./answer.ts";
import { isKeyRights, type KeyRights } from "./device.ts";
import { Channel, type RequestOptions, requireWebCrypto, type Sealed } from "./channel.ts";
import { PairingCodeError, TamperedError, UnreachableError, WrongKeyError } from "./gateway_error.ts";
import type { WaitOptions } from "./request_options.ts";
import { noAnswerWithin, TIMEOUT_MS } from "./transport.ts";

/** Name of the device, and the platform's functions. */
export interface PairOptions extends WaitOptions {
  /** Name of the device, for the operator of the gateway: at most 64 printable characters. */
  readonly label?: string | undefined;
  /** Sends HTTP requests; the platform's `fetch` by default. */
  readonly fetch?: typeof fetch | undefined;
  /** Clock for timestamps and the wait; the platform's by default. */
  readonly clock?: Clock | undefined;
}

/** Waits before the request is sent again for want of an answer, in milliseconds. */
const REPEAT_MS: readonly number[] = [1000, 3000];

/** Fields of a pairing request, without its timestamp. */
interface PairRequest {
  readonly public: string;
  readonly label: string | undefined;
}

/** Answer to a pairing request, and the salt of the request. */
interface Exchanged {
  readonly answer: Answer;
  readonly salt: Bytes;
}

/** Address of a gateway and the new key for it. */
export interface PairedKey extends Pairing {
  /** Public id of the key: 16 hexadecimal characters. */
  readonly kid: string;
  /** Its rights. */
  readonly rights: KeyRights;
  /** Time from which the key is refused, in ISO 8601, as in `device()`; absent for never. */
  readonly expires?: string;
}

/**
 * Makes a key together with the gateway, by the code in a link. The key itself never travels. Store it where the system
 * keeps secrets: the code does not work again. While no answer comes, the same request is sent again, twice at most.
 *
 * @param link pairing link of either form
 * @throws {TypeError} if the link is malformed; the message never quotes it
 * @throws {PairingCodeError} if the code is unknown, was used, or has expired
 * @throws {AlreadyPairedError} if another request has just used the code
 * @throws {TamperedError} if the answer does not open, or does not have the other half of the key
 * @throws {GatewayError} if there was no answer, or the gateway refuses the request
 *
 * @example
 * ```ts
 * import { GatewayClient, pair } from "@e2e-gateway/client";
 *
 * const { url, key, name } = await pair("https://home.example/#pair=AAECAwQFBgcICQoLDA0ODw", { label: "Anna's phone" });
 * const gateway = new GatewayClient({ url, key, keyName: name, protocol: 2 });
 * console.log((await gateway.callJeedom("ping")).status);
 * ```
 */
export async function pair(link: string, options: PairOptions = {}): Promise<PairedKey> {
  const { url, code } = parsePairingLink(link);
  requireWebCrypto();
  const pairingKey = await derivePairingKey(fromBase64Url(code));
  const ephemeral = await generateAgreementKey();
  const { label, signal, timeout = TIMEOUT_MS, ...platform } = options;
  const channel = new Channel({ ...platform, url, key: await importSecretKey(pairingKey), protocol: 2 });

  const request = { public: ephemeral.publicPoint, label };
  const { answer, salt } = await withDeadline((signal) => exchange(channel, request, signal), {
    clock: channel.clock,
    timeout,
    timeoutError: () => noAnswerWithin(timeout),
    signal,
  });
  const { publicPoint, ...paired } = parseBody(answer);
  const key = await deriveDeviceKey(ephemeral, { publicPoint, pairingKey, salt });
  if (key === undefined || await deriveKeyId(key) !== paired.kid) throw malformed();
  return { url, key: toHex(key), ...paired };
}

/**
 * Sends a pairing request, and once more with the gateway's time if its own was refused: also if it was too early, as a
 * second request makes no second key.
 */
async function exchange(channel: Channel, request: PairRequest, signal: AbortSignal): Promise<Exchanged> {
  try {
    return await exchangeOnce(channel, request, signal);
  } catch (error) {
    if (channel.learnTime(error) === undefined) throw error;
  }
  return await exchangeOnce(channel, request, signal);
}

async function exchangeOnce(channel: Channel, request: PairRequest, signal: AbortSignal): Promise<Exchanged> {
  const options = { route: "/pair", signal } as const;
  try {
    const sealed = await channel.seal({ ...request }, options);
    if (sealed.exchange.version !== 2) throw new TypeError("Pairing is of version 2 only");
    return { answer: await sendSafely(channel, sealed, options), salt: sealed.exchange.salt };
  } catch (error) {
    if (!(error instanceof WrongKeyError)) throw error;
    throw new PairingCodeError(
      "Gateway does not accept the pairing code: it may be unknown, used, or older than 10 minutes. Make a new one on " +
        "the gateway",
      { status: error.status, cause: error },
    );
  }
}

/**
 * Sends a sealed request, and the same bytes again while no answer comes: the code may be used up by then, and only a repeat
 * gets the lost answer.
 */
async function sendSafely(channel: Channel, sealed: Sealed, options: RequestOptions): Promise<Answer> {
  for (const wait of REPEAT_MS) {
    try {
      return await channel.accept(await channel.send(sealed, options), options);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      await sleep(wait, { clock: channel.clock, signal: options.signal });
    }
  }
  return await channel.accept(await channel.send(sealed, options), options);
}

function parseBody({ status, body }: Answer): Omit<PairedKey, "url" | "key"> & { readonly publicPoint: string } {
  if (status !== 200 || !isObject(body)) throw malformed();
  const { public: publicPoint, name, kid, rights, expires } = body;
  if (typeof publicPoint !== "string" || typeof kid !== "string" || !isName(name) || !isKeyRights(rights)) {
    throw malformed();
  }
  return { publicPoint, name, kid, rights, ...typeof expires === "string" ? { expires } : {} };
}

function malformed(): TamperedError {
  return new TamperedError("Answer has no valid half of the new key: check who answers, and make a new pairing code");
}
