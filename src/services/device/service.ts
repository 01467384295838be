/**
 * The service of the device: describes the key of a request, and removes it.
 *
 * @module
 */
import { z } from "zod";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import { parseFields } from "../../protocol/payload.ts";
import { grantedServices } from "../granted.ts";
import {
  type KeyContext,
  type Reply,
  revokedError,
  type Service,
  type ServiceDependencies,
  type Uses,
} from "../service.ts";
import { forgetKey } from "./forget.ts";

/** Parts of the service. */
export type DeviceServiceOptions = Pick<
  ServiceDependencies,
  "keys" | "modules" | "findService" | "version" | "now" | "log"
>;

const schema = z.object({ forget: z.boolean("must be true or false").nullish() });

/** Makes the service. */
export function createDeviceService(options: DeviceServiceOptions): Service {
  const { keys, modules, findService, version, now, log } = options;

  /** Returns the uses of a key by service, where they are limited; null for a count that cannot be read. */
  async function usesOf(context: KeyContext, names: readonly string[]): Promise<Readonly<Record<string, Uses | null>>> {
    const entries = await Promise.all(names.map(async (name) => {
      const uses = await findService(name)?.readUses?.(context).catch(() => null);
      return uses === undefined ? [] : [[name, uses] as const];
    }));
    return Object.fromEntries(entries.flat());
  }

  async function describe(context: KeyContext, revoked: AbortSignal | undefined): Promise<Reply> {
    const details = keys.find(context.kid);
    if (details === undefined) throw revokedError(revoked);
    const { name, label, created, expires, minProtocol, rights } = details;
    const isDefault = name === DEFAULT_KEY_NAME;
    const granted = grantedServices(rights, modules);
    const services = granted.map(([service]) => service.name);
    const uses = await usesOf(context, services);
    return reply({
      name,
      kid: context.kid,
      default: isDefault,
      label,
      created: isDefault ? undefined : created / 1000,
      expires: expires === undefined ? undefined : expires / 1000,
      minProtocol,
      rights,
      summary: isDefault ? ["every right"] : granted.map(([service, own]) => service.rights.summarize(own)),
      services,
      uses: Object.keys(uses).length === 0 ? undefined : uses,
      version,
      time: now() / 1000,
    });
  }

  return {
    name: "device",
    isOpen: true,
    fieldErrorStatus: 400,
    target: ({ forget }) => forget === true ? "forget" : undefined,
    async handle(payload, context) {
      const { forget } = parseFields(schema, payload, { required: [] });
      if (!forget) return await describe(context, context.revoked);
      await forgetKey(keys, context);
      log.info("Key {name} was removed by its device", { name: context.key });
      return reply({ success: true, name: context.key });
    },
  };
}

function reply(body: Readonly<Record<string, unknown>>): Reply {
  return { status: 200, bodyJson: JSON.stringify(body), source: "gateway" };
}
