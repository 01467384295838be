/**
 * The service of the device: describes the key of a request, and removes it.
 *
 * @module
 */
import { z } from "zod";
import { DEFAULT_KEY_NAME } from "../../keys/schema.ts";
import { parseFields } from "../../protocol/payload.ts";
import { grantedServices } from "../granted.ts";
import { type KeyContext, type Reply, revokedError, type Service, type ServiceDependencies } from "../service.ts";
import { readUses } from "../uses.ts";
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

  async function describe(context: KeyContext, revoked: AbortSignal | undefined): Promise<Reply> {
    const details = keys.find(context.kid);
    if (details === undefined) throw revokedError(revoked);
    const { name, label, created, expires, minProtocol, rights } = details;
    const isDefault = name === DEFAULT_KEY_NAME;
    const granted = grantedServices(rights, modules);
    const services = granted.map(([service]) => service.name);
    const uses = await readUses(context, { names: services, findService });
    return reply({
      name,
      kid: context.kid,
      default: isDefault,
      label,
      created: isDefault ? undefined : new Date(created).toISOString(),
      expires: expires === undefined ? undefined : new Date(expires).toISOString(),
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
