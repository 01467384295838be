/**
 * Routes of the Admin page: its files, and its API in plain JSON, which never leaves this machine.
 *
 * @module
 */
import { STATUS_CODE } from "@std/http/status";
import { z } from "zod";
import { AdministrationError, type KeyAdministration } from "../../gateway/key_administration.ts";
import { adminProof, CHALLENGE_BYTES } from "../../keys/admin_token.ts";
import { KeyFileError } from "../../keys/default_key_file.ts";
import { KeysFileLockedError } from "../../keys/keyring_file.ts";
import { MemoryBudget } from "../../limits/memory_budget.ts";
import { RECENT_MINUTES, type RecentRefusals } from "../../observability/recent_refusals.ts";
import type { DoctorReport, KeyOptions, RefusalList } from "../../protocol/admin_api.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { StateStoreError } from "../../store/state/state_store.ts";
import { createConsoleRoutes, type PageFiles } from "../console.ts";
import { badRequest, HttpError } from "../errors.ts";
import { READ_METHODS, type RouteEntry } from "../router.ts";
import { ADMIN_PATH, assertToken } from "./guard.ts";
import { readJsonBody } from "./json_body.ts";

/** Parts of the gateway that the page shows and changes. */
export interface AdminPageOptions {
  /** Files of the page. */
  readonly page: PageFiles;
  /** Reads the token that the page must send; undefined while there is none. */
  readonly readToken: () => Promise<Bytes | undefined>;
  /** Keys and pairing codes. */
  readonly keys: KeyAdministration;
  /** Runs the checks of the doctor. */
  readonly runDoctor: () => Promise<DoctorReport>;
  /** Address of the gateway for devices, if it is configured. */
  readonly publicUrl: URL | undefined;
}

/** Budget of the files' bytes that wait to be read, in bytes: several times as much as the page has. */
const UNREAD_BYTES = 8 * 2 ** 20;

/** Headers of the API's answers. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
};

const name = z.strictObject({ name: z.string().min(1).max(100) });
const address = z.string().min(1).max(500).optional();
const value = z.string().max(500);
const values = z.object({
  expires: value.optional(),
  rate: value.optional(),
  burst: value.optional(),
  "min-protocol": value.optional(),
}).catchall(z.union([value, z.literal(true), z.array(value).max(200)]));

const addition = z.strictObject({
  name: z.string().max(100).optional(),
  isPass: z.boolean().default(false),
  values: values.default({}),
  url: address,
});

const schemas = {
  renewal: z.strictObject({ ...name.shape, url: address }),
  change: z.strictObject({ ...name.shape, version: z.string().max(100), values }),
  disabling: z.strictObject({ ...name.shape, disabled: z.boolean() }),
};

/** Returns the routes of the page and of its API. */
export function createAdminRoutes(
  { page, readToken, keys, runDoctor, publicUrl }: AdminPageOptions,
  refusals: Pick<RecentRefusals, "list">,
): RouteEntry[] {
  /** Returns a route of the API, for a request with the token. */
  function api(path: string, method: "GET" | "POST", handle: (request: Request) => Promise<unknown>): RouteEntry {
    return {
      path: `${ADMIN_PATH}api/${path}`,
      label: "admin",
      methods: [method],
      async handle(request) {
        await assertToken(request, readToken);
        return Response.json(await handle(request).catch(explain) ?? null, { headers: HEADERS });
      },
    };
  }

  /** Returns the address of the gateway for a device. */
  function addressOf(url: string | undefined): string {
    const address = url ?? publicUrl?.href;
    if (address === undefined) throw new AdministrationError(["The address of the gateway for the device is missing"]);
    return address;
  }

  /** Proves that this gateway knows the token, so that the link with it is given to no other program. */
  async function prove(request: Request): Promise<Response> {
    const challenge = challengeOf(request);
    const token = await readToken();
    if (challenge === undefined || token === undefined) throw badRequest();
    return Response.json({ proof: adminProof(token, challenge) }, { headers: HEADERS });
  }

  const files = createConsoleRoutes({
    ...page,
    rate: { take: () => Promise.resolve(0) },
    unread: new MemoryBudget(UNREAD_BYTES),
    onAnswer: () => {},
  });
  return [
    ...files,
    { path: `${ADMIN_PATH}proof`, label: "admin", methods: READ_METHODS, handle: prove },
    api("keys", "GET", () => keys.list()),
    api(
      "options",
      "GET",
      (): Promise<KeyOptions> => Promise.resolve({ services: keys.options(), address: publicUrl?.href }),
    ),
    api(
      "refusals",
      "GET",
      (): Promise<RefusalList> => Promise.resolve({ minutes: RECENT_MINUTES, refusals: refusals.list() }),
    ),
    api("doctor", "POST", () => runDoctor()),
    api("keys/add", "POST", async (request) => {
      const { url, ...body } = await readJsonBody(request, addition);
      return await keys.add({ ...body, url: addressOf(url) });
    }),
    api("keys/renew", "POST", async (request) => {
      const { name, url } = await readJsonBody(request, schemas.renewal);
      return await keys.renew(name, { url: addressOf(url) });
    }),
    api("keys/change", "POST", async (request) => {
      const { name, ...change } = await readJsonBody(request, schemas.change);
      await keys.change(name, change);
    }),
    api("keys/disable", "POST", async (request) => {
      const { name, disabled } = await readJsonBody(request, schemas.disabling);
      await keys.setDisabled(name, disabled);
    }),
    api("keys/remove", "POST", async (request) => await keys.remove((await readJsonBody(request, name)).name)),
  ];
}

function challengeOf(request: Request): Bytes | undefined {
  const text = URL.parse(request.url)?.searchParams.get("challenge") ?? "";
  return text.length === 2 * CHALLENGE_BYTES && /^[0-9a-f]+$/.test(text) ? Uint8Array.fromHex(text) : undefined;
}

/** Explains a failure to the operator: a request that cannot be met, or a file that cannot be used. */
function explain(error: unknown): never {
  if (error instanceof AdministrationError) {
    throw new HttpError(STATUS_CODE.UnprocessableEntity, error.message, { reason: "field" });
  }
  if (
    error instanceof KeyFileError || error instanceof KeysFileLockedError || error instanceof StateStoreError
  ) {
    throw new HttpError(STATUS_CODE.ServiceUnavailable, error.message, { reason: "store" });
  }
  throw error;
}
