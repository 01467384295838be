/**
 * The service of actions: runs those that a key may run, and lists them.
 *
 * @module
 */
import { createReadRights, type Scope, ScopeError } from "../../keys/rights.ts";
import type { CoolDowns } from "../../store/cool_downs.ts";
import type { UseCounters } from "../../store/state/state_store.ts";
import {
  isUnsent,
  type KeyContext,
  type Reply,
  revokedError,
  type Service,
  type ServiceContext,
  type Uses,
} from "../service.ts";
import { beginCoolDown } from "./cool_down.ts";
import { failureOf, fromStore, outcomeOf, serviceMissing } from "./outcome.ts";
import { readParams } from "./params.ts";
import { buildPayload } from "./request.ts";
import { parseActionCall } from "./request_fields.ts";
import { ActionGrants } from "./rights.ts";
import type { Action, Actions } from "./section.ts";
import type { State, StateReader } from "./states.ts";

/** Name of the service. */
export const ACTION = "action";

/** Problem where the store of the runs fails: nothing that is counted may run. */
const UNCOUNTED = "The runs of this key cannot be counted";

/** Parts of the service. */
export interface ActionServiceOptions {
  /** Returns the actions that are in force. */
  readonly readActions: () => Actions;
  /** Reads the current states of actions. */
  readonly states: StateReader;
  /** Cool-downs of the actions. */
  readonly coolDowns: CoolDowns;
  /** Counts runs. */
  readonly state: UseCounters;
  /** Scope with every right: an action needs no right of its key in the service that runs it. */
  readonly fullScope: Scope;
  /** Returns a service by its name; undefined if there is none. */
  readonly findService: (name: string) => Service | undefined;
}

/** Makes the service. */
export function createActionService(options: ActionServiceOptions): Service {
  const { readActions, states, coolDowns, state, fullScope, findService } = options;
  const readRights = createReadRights(ACTION, (rights) => new ActionGrants(rights));

  async function run(name: string, params: unknown, context: ServiceContext): Promise<Reply> {
    const grants = readRights(context.scope);
    if (!grants.mayRun(name)) throw grants.notGranted(name);
    const action = readActions().get(name);
    if (action === undefined) throw notThere(name);
    const payload = buildPayload(action.request, readParams(action.params, params), action.params);
    const service = findService(action.request.service);
    if (service === undefined) throw serviceMissing(action.request.service);
    // Before the cool-down: a key without runs must not keep others waiting.
    if ((await readUses(context))?.left === 0) throw usesSpent();
    const takeBack = await beginCoolDown(coolDowns, name, action.coolDownMs);
    await claimUse(grants, context).catch(async (error) => {
      await takeBack();
      throw error;
    });
    let reply: Reply;
    try {
      // The key may have stopped working while the store was asked.
      if (context.revoked?.aborted) throw revokedError(context.revoked, { isUnsent: true });
      reply = await service.handle(payload, withScope(context, fullScope));
    } catch (error) {
      if (isUnsent(error)) {
        await takeBack();
        await returnUse(grants, context);
      }
      throw failureOf(error, action);
    } finally {
      states.expire();
    }
    return outcomeOf(name, action, reply);
  }

  /**
   * Counts a run of a key whose runs are limited. It counts even if the action then fails, as it may have run, unless
   * nothing was sent.
   *
   * @throws {ScopeError} if none is left
   * @throws {ServiceError} if the store fails
   */
  async function claimUse({ uses }: ActionGrants, context: ServiceContext): Promise<void> {
    if (uses === undefined) return;
    const isCounted = await fromStore(UNCOUNTED, () => state.claimUse(counterOf(context), uses));
    if (!isCounted) throw usesSpent();
  }

  /** Takes the count of a run back. Where the store fails, the run stays counted. */
  async function returnUse({ uses }: ActionGrants, context: ServiceContext): Promise<void> {
    if (uses === undefined) return;
    await state.returnUse(counterOf(context)).catch(() => {});
  }

  function mayRun(name: string, scope: Scope): boolean {
    return scope.hasService(ACTION) && readRights(scope).mayRun(name);
  }

  async function list(context: ServiceContext): Promise<Reply> {
    const grants = readRights(context.scope);
    const granted = [...readActions()].filter(([name]) => grants.mayRun(name));
    const [actions, uses] = await Promise.all([
      Promise.all(granted.map(async ([name, action]) => describe(name, action, await currentState(action)))),
      readUses(context),
    ]);
    return { status: 200, bodyJson: JSON.stringify({ actions, uses }), source: "gateway" };
  }

  /** Reads the state of an action; null if it cannot be read, undefined if the action has none. */
  async function currentState({ state: source }: Action): Promise<State | null | undefined> {
    return source === undefined ? undefined : await states.read(source) ?? null;
  }

  /** Returns the runs of a key; undefined if they are not limited. */
  async function readUses(context: KeyContext): Promise<Uses | undefined> {
    const { uses } = readRights(context.scope);
    if (uses === undefined) return undefined;
    const used = await fromStore(UNCOUNTED, () => state.readUses(counterOf(context)));
    return { left: Math.max(0, uses - used), of: uses };
  }

  return {
    name: ACTION,
    readUses,
    fieldErrorStatus: 400,
    actionLabel(name, scope) {
      const action = mayRun(name, scope) ? readActions().get(name) : undefined;
      return action?.params.size === 0 ? action.label : undefined;
    },
    target: ({ name }) => typeof name === "string" ? name : undefined,
    async handle(payload, context) {
      const { name, params } = parseActionCall(payload);
      return await (name === undefined ? list(context) : run(name, params, context));
    },
  };
}

/** Returns the name of a key's counter: another key may have its name later. */
function counterOf({ key, keyCreated }: KeyContext): string {
  return `${ACTION}:${key}:${keyCreated}`;
}

/** Returns the refusal of an action that the key may not run, for one that is not there: no grant would help. */
function notThere(name: string): ScopeError {
  return new ScopeError(`run the action ${name}`);
}

function usesSpent(): ScopeError {
  return new ScopeError("run any more actions: its runs are used up");
}

/** Describes an action for those who may run it, without the request that runs it. */
function describe(
  name: string,
  { label, icon, confirm, coolDownMs, params }: Action,
  state: State | null | undefined,
): Readonly<Record<string, unknown>> {
  const coolDown = coolDownMs === undefined ? undefined : coolDownMs / 1000;
  return { name, label, icon, confirm, coolDown, params: Object.fromEntries(params), state };
}

/** Returns the context of a request with another scope. */
function withScope(context: ServiceContext, scope: Scope): ServiceContext {
  return {
    ...context,
    scope,
    // Only if it is read: Deno makes it then.
    get clientSignal() {
      return context.clientSignal;
    },
  };
}
