/**
 * Rights of a key, by service. What the rights in one service mean is defined in the service's own folder.
 *
 * @module
 */

/** Rights in one service, as the keys file has them: the service's schema has accepted them. */
export type ServiceRights = Readonly<Record<string, unknown>>;

/** Rights of a key: the services that it may use, by name, with its rights in each. All others are refused. */
export type Rights = Readonly<Record<string, ServiceRights>>;

/** Schema of the rights in one service, strict in every field. */
export interface RightsSchema {
  /** Names of the fields. */
  readonly fields: readonly string[];
  /** Parses rights, and fills in the fields that are absent. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: ServiceRights; readonly error?: undefined }
    | {
      readonly success: false;
      readonly data?: undefined;
      readonly error: { readonly issues: readonly RightsIssue[] };
    };
}

/** A fault in rights. */
export interface RightsIssue {
  /** Path of the faulty value. */
  readonly path: readonly PropertyKey[];
  /** Rule that the value does not follow. */
  readonly message: string;
  /** Kind of the fault; `unrecognized_keys` for fields that do not exist. */
  readonly code?: string | undefined;
  /** Names of these fields. */
  readonly keys?: readonly string[];
}

/** Part of a service that the keys depend on. */
export interface GrantableService {
  /** Name by which requests and rights call the service. */
  readonly name: string;
  /** Definition of the rights in it. */
  readonly rights: {
    /** Schema of a key's rights in the service. */
    readonly schema: RightsSchema;
    /** Every right, for the key `default`. May hold fields that the schema refuses in the file. */
    readonly all: ServiceRights;
    /** True for a service that older keys files know: they have its rights beside the other fields of a key. */
    readonly isInFlatFiles?: boolean;
  };
}

/** Returns every right in every service: those of the key `default`, the original gateway's only key. */
export function allRights(services: readonly GrantableService[]): Rights {
  return Object.fromEntries(services.map(({ name, rights }) => [name, rights.all]));
}

/** Error for something that the key does not grant. The message is for the key's holder, who proved the key. */
export class ScopeError extends Error {
  /** Makes the error from what the key may not do, in words that follow "may not". */
  constructor(what: string) {
    super(`This key may not ${what}`);
    this.name = "ScopeError";
  }
}

/** Thing that a key may not use, and the option of `keys set` that grants it. */
export interface MissingGrant {
  /** Verb for its use, such as `call`. */
  readonly verb: string;
  /** Name of the option. */
  readonly option: string;
  /** Word for the thing, which is also its field in the log; the option's name by default. Not `command`. */
  readonly thing?: string;
  /** Value of the option that grants the thing: its name. */
  readonly value: string;
  /** Values of the option that the key has. */
  readonly granted: readonly string[];
}

/** Error for something that a value of an option of `keys set` grants. */
export class NotGrantedError extends ScopeError {
  /** Makes the error. */
  constructor(readonly missing: MissingGrant) {
    super(`${missing.verb} the ${missing.thing ?? missing.option} ${missing.value}`);
    this.name = "NotGrantedError";
  }
}

/** Rights of one key while it is active. A key whose rights change gets another scope. */
export class Scope {
  readonly #rights: Rights;

  /** Makes the scope from rights that the services' schemas have accepted. */
  constructor(rights: Rights) {
    this.#rights = rights;
  }

  /**
   * Returns the key's rights in a service.
   *
   * @throws {ScopeError} if the key does not grant the service
   */
  useService(name: string): ServiceRights {
    const rights = this.hasService(name) ? this.#rights[name] : undefined;
    if (rights === undefined) throw new ScopeError(`use the service ${name}`);
    return rights;
  }

  /** Returns whether the key grants a service. */
  hasService(name: string): boolean {
    return Object.hasOwn(this.#rights, name) && this.#rights[name] !== undefined;
  }
}

/** Returns the interpreted rights of a scope in one service. */
export type ReadRights<Grants> = (scope: Scope) => Grants;

/**
 * Makes the function that interprets rights in one service, once for each scope.
 *
 * @param name the service's name
 * @param interpret makes the object that answers the service's questions
 * @returns a function that throws {@linkcode ScopeError} for a scope without the service
 */
export function createReadRights<Grants>(
  name: string,
  interpret: (rights: ServiceRights) => Grants,
): ReadRights<Grants> {
  const interpreted = new WeakMap<Scope, Grants>();
  return (scope) => {
    const known = interpreted.get(scope);
    if (known !== undefined) return known;
    const grants = interpret(scope.useService(name));
    interpreted.set(scope, grants);
    return grants;
  };
}
