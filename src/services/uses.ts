/**
 * Uses of a key in all its services.
 *
 * @module
 */
import type { KeyContext, Service, Uses } from "./service.ts";

/** Returns the uses of a key by service, where they are limited; null for a count that cannot be read. */
export async function readUses(
  context: KeyContext,
  { names, findService }: {
    /** Names of the services. */
    readonly names: readonly string[];
    /** Finds a running service by its name. */
    readonly findService: (name: string) => Pick<Service, "readUses"> | undefined;
  },
): Promise<Readonly<Record<string, Uses | null>>> {
  const entries = await Promise.all(names.map(async (name) => {
    const uses = await findService(name)?.readUses?.(context).catch(() => null);
    return uses === undefined ? [] : [[name, uses] as const];
  }));
  return Object.fromEntries(entries.flat());
}
