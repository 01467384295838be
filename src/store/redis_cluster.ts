/**
 * Node of a cluster of Valkey or Redis that has a key.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import type { Ask } from "./redis_sentinel.ts";
import type { HostPort, Hosts } from "../net/redis_url.ts";

/** Redirection to another node: slot, host and port. The host is empty where it is that of the node that answers. */
const MOVED = /^MOVED \d+ (.*):(\d+)$/;

/**
 * Returns the node that serves the slot of a key, by the first answer of a node that is a part of a working cluster.
 *
 * @throws {Error} of the first node if none is
 */
export async function findNode(nodes: Hosts, key: string, ask: Ask): Promise<HostPort> {
  const answers = nodes.map(async (node) => {
    try {
      await ask(node, ["GET", key]);
      return node;
    } catch (error) {
      const other = movedTo(error, node);
      if (other === undefined) throw error;
      return other;
    }
  });
  try {
    return await Promise.any(answers);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}

/** Returns the node that an error redirects to; undefined for any other error. */
function movedTo(error: unknown, from: HostPort): HostPort | undefined {
  const [, host, port] = MOVED.exec(errorText(error)) ?? [];
  return port === undefined ? undefined : { host: host || from.host, port: Number(port) };
}
