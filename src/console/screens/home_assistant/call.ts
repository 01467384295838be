/**
 * Calls of services of Home Assistant.
 *
 * @module
 */
import type { Answer, GatewayClient } from "@e2e-gateway/client";
import type { CommandRequest } from "../../commands/use_command.ts";
import { ServiceRefusal } from "../../commands/service_refusal.ts";
import type { EntityCall } from "./control.ts";

/** Returns the command that calls a service; `entity` is undefined for a call without. */
export function commandOf<T>(
  { service, data }: EntityCall,
  { entity, value }: { readonly entity: string | undefined; readonly value?: T },
): CommandRequest<T> {
  const target = entity === undefined ? {} : { target: { entity_id: [entity] } };
  return {
    fields: { service: "home_assistant", call: service, ...target, ...data === undefined ? {} : { data } },
    work: async (client: GatewayClient) =>
      requireSuccess(await client.homeAssistant(service, { target: entity, data })),
    value,
  };
}

/**
 * Requires that Home Assistant took a call.
 *
 * @throws {ServiceRefusal} if it answered with an error
 */
export function requireSuccess({ status, body }: Pick<Answer, "status" | "body">): void {
  if (status < 400) return;
  throw new ServiceRefusal(`Home Assistant: ${typeof body === "string" && body !== "" ? body : status}`, status);
}
