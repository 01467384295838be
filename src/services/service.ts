/**
 * Interface of the services: what a service is to the rest of the gateway, and how it answers.
 *
 * @module
 */
import type { ServiceSettings } from "../config/rules.ts";
import type { Config } from "../config/settings.ts";
import type { Check } from "../doctor/check.ts";
import type { DoctorContext } from "../doctor/context.ts";
import { type GrantableService, type Rights, type Scope, ScopeError } from "../keys/rights.ts";
import type { Key, KeyDetails } from "../keys/keyring.ts";
import type { KeysChange } from "../keys/keyring_file.ts";
import type { BrokerAddress } from "../mqtt/broker.ts";
import type { SharedHubs } from "../mqtt/pool.ts";
import type { Deadlines } from "../lib/deadlines.ts";
import type { Log } from "../observability/log.ts";
import type { MetricRegistry, Telemetry } from "../observability/telemetry.ts";
import type { Platform } from "../platform.ts";
import type { OptionChoice } from "../protocol/admin_api.ts";
import type { AlertSource } from "../push/alert_source.ts";
import type { Push } from "../push/push.ts";
import type { Bytes, RandomBytes } from "../protocol/bytes.ts";
import type { ErrorCode } from "../protocol/error_code.ts";
import { FieldError, type Payload } from "../protocol/payload.ts";
import type { Route } from "../protocol/v2/envelope.ts";
import type { EventEncoder } from "../streams/event_encoder.ts";
import type { EventStream } from "../streams/event_stream.ts";
import type { CoolDowns } from "../store/cool_downs.ts";
import type { StateStore } from "../store/state/state_store.ts";
import type { RightsDefinition } from "./rights_options.ts";
import type { LiveSections, Section, Sections } from "./section.ts";

/**
 * A service: all that the rest of the gateway takes from its folder. Adding one is a folder and an entry in
 * `registry.ts`; `docs/services.md` shows each step.
 *
 * @typeParam Settings its settings, from which the type of the configuration is derived
 */
export interface ServiceModule<Settings extends ServiceSettings = ServiceSettings> extends GrantableService {
  /**
   * Name of what it depends on, for readiness and `READY_NEEDS`: the service's own, or a more general one. Absent for a
   * service whose failures are no reason to take the gateway out of use.
   */
  readonly dependency?: string;
  /** Its settings. */
  readonly settings: Settings;
  /** Its section of the services file. */
  readonly section?: Section<unknown>;
  /** Definition of the rights in it. */
  readonly rights: RightsDefinition;
  /** Returns the targets of `--allow-net` that it connects to; `undefined` where it needs the network everywhere. */
  allowNet(config: Config, sections: Sections): readonly string[] | undefined;
  /** Returns the files that its section names, which the sandbox lets it read; those of settings need no mention. */
  allowRead?(config: Config, sections: Sections): readonly string[];
  /** Returns the size of its largest answer, in bytes. */
  maxAnswerBytes(config: Config): number;
  /**
   * Checks the files that its settings and its section name, as a start does; for `check-config`.
   *
   * @returns one promise for each file or pair of files, which rejects with the setting's name if it cannot be used
   */
  checkFiles?(
    config: Config,
    platform: Pick<Platform, "createHttpClient" | "fetch" | "files">,
    sections: Sections,
  ): readonly Promise<unknown>[];
  /** Returns the requests in its section, which other services execute. */
  storedRequests?(sections: Sections): readonly StoredRequest[];
  /** Returns why it can never execute a request of a section; undefined if it may. */
  requestFault?(payload: Payload, config: Config, sections: Sections): RequestFault | undefined;
  /** Returns the entries of its section that keys can be granted, by the name of the option of rights. */
  choices?(sections: Sections): Readonly<Record<string, readonly OptionChoice[]>>;
  /** Creates the service. What it opens is closed with `resources`. */
  create(dependencies: ServiceDependencies): Promise<CreatedService>;
  /** Returns the end of the log line of the start; undefined where it is not configured. */
  startText?(config: Config): StartText | undefined;
  /** Loads the checks of `doctor` for it; a gateway that serves calls it only for the Admin page. */
  doctor?(): Promise<readonly Check[]>;
  /**
   * Returns what to do where no setting names what the service depends on, so that its failing check is no fault;
   * undefined where a setting does.
   */
  remedyIfUnset?(context: Pick<DoctorContext, "config" | "isSet">): string | undefined;
}

/** Request in the section of one service, which another one executes. */
export interface StoredRequest {
  /** Path of the request in the services file. */
  readonly path: readonly string[];
  /** Name of the service that executes it. */
  readonly service: string;
  /** Fields that are the same in each execution. */
  readonly payload: Payload;
}

/** Reason why a request can never be executed. */
export interface RequestFault {
  /** Name of the field that is wrong; absent if the request as a whole cannot be executed. */
  readonly field?: string;
  /** Text that follows the path of the field, with the remedy. */
  readonly message: string;
}
/** A service that every key may use, without a right: it is no part of rights, settings and readiness. */
export type OpenServiceModule = Pick<ServiceModule, "name" | "create">;

/** Text in the log line of the start. */
export interface StartText {
  /** Template, such as `for Jeedom at {jeedom}`. */
  readonly template: string;
  /** Fields that the template names. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A service that is created, and its health. */
export interface CreatedService {
  /** The service. */
  readonly service: Service;
  /** Rejects unless what the service depends on works. Returns undefined where nothing of it is configured. */
  check?(): Promise<void> | undefined;
  /** Closes its connections at the end, once the streams have ended; the gateway waits for at most 2 s. */
  close?(): Promise<void>;
}

/** Parts of the gateway that services are created with. */
export interface ServiceDependencies {
  /** The settings. */
  readonly config: Config;
  /** Sections of the services file. */
  readonly sections: LiveSections;
  /** Durable state. */
  readonly state: StateStore;
  /** Cool-downs of actions, which replicas share. */
  readonly coolDowns: CoolDowns;
  /** Every right in every service. */
  readonly allRights: Rights;
  /** Keys in force, and the file of their records. */
  readonly keys: KeyRecords;
  /** Push messages. */
  readonly push: Push;
  /** Services that keys are granted. */
  readonly modules: readonly ServiceModule[];
  /** Version of the gateway. */
  readonly version: string;
  /** Returns a service by its name, once all are created; undefined if there is none. */
  readonly findService: (name: string) => Service | undefined;
  /** The machine. */
  readonly platform: Pick<Platform, "createHttpClient" | "fetch" | "files" | "lookup" | "networkInterfaces">;
  /** Address of the default broker. */
  readonly broker: BrokerAddress;
  /** Hubs that replicas share; undefined without Redis. */
  readonly sharedHubs: SharedHubs | undefined;
  /** Encoder of the events of streams. */
  readonly encoder: EventEncoder;
  /** Largest payload of an event, in bytes. */
  readonly maxEventBytes: number;
  /** Longest time for one check of a dependency, in milliseconds. */
  readonly checkTimeoutMs: number;
  /** Logger for failures. */
  readonly log: Log;
  /** Recorder of measurements. */
  readonly telemetry: Pick<Telemetry, "measure" | "dropped">;
  /** Registry for gauges of its own. */
  readonly metrics: MetricRegistry;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** The monotonic clock, in milliseconds. */
  readonly monotonic: () => number;
  /** Time limits of operations, which may end up to 250 ms late. */
  readonly deadlines: Deadlines;
  /** Returns a random number from 0 to below 1. */
  readonly random: () => number;
  /** Makes random bytes. */
  readonly randomBytes: RandomBytes;
  /** Owner of what the service opens. */
  readonly resources: AsyncDisposableStack;
}

/** Keys in force, and the file of their records. */
export interface KeyRecords {
  /** Returns the details of a key in force by its id; undefined if there is none. */
  find(kid: string): KeyDetails | undefined;
  /**
   * Edits the keys file. When the promise settles, the change is in force.
   *
   * @throws {Error} of the change, or because the file cannot be read, written or loaded
   */
  edit(change: KeysChange): Promise<unknown>;
}

/** Uses of a key, where their number is limited. */
export interface Uses {
  /** Number that remains. */
  readonly left: number;
  /** Number in all. */
  readonly of: number;
}

/** Executes requests of one kind. */
export interface Service {
  /** Its name. */
  readonly name: string;
  /** True if every key may use it, without a right. */
  readonly isOpen?: boolean;
  /** Status of an answer that names a missing or wrong field. */
  readonly fieldErrorStatus: number;
  /**
   * Executes one request, once.
   *
   * @param payload the request; its fields are yet to be checked
   * @throws {ServiceError} if it failed; `FieldError` if a field is missing or wrong; `ScopeError` if the key does not
   * grant it
   */
  handle(payload: Payload, context: ServiceContext): Promise<Reply>;
  /** Returns what a request is about, for the audit: a method or topics, but never a value. */
  target(payload: Payload): string | undefined;
  /**
   * Connects a stream to what the request asks for. May end the stream.
   *
   * @returns the function that disconnects it
   * @throws {ServiceError} if the service refuses; `FieldError` if a field is missing or wrong; `ScopeError` if the key
   * does not grant it
   */
  subscribe?(payload: Payload, context: SubscriptionContext): () => void;
  /** Routes of its own, older than `/gateway` and `/subscribe`. */
  readonly aliases?: { readonly call: Route; readonly subscribe: Route };
  /** Returns whether a request that names no service is for this one, by its fields. */
  claims?(payload: Payload): boolean;
  /**
   * Returns the uses that a key has in it; undefined if their number is not limited.
   *
   * @throws {ServiceError} if the count cannot be read
   */
  readUses?(context: KeyContext): Promise<Uses | undefined>;
  /** Source of events for the rules of alerts. */
  readonly alertSource?: AlertSource;
  /**
   * Returns the text of a button that runs an action; undefined if there is none, a key with these rights may not, or it
   * has parameters: a button cannot fill them in.
   */
  actionLabel?(name: string, scope: Scope): string | undefined;
}

/** A service that has subscriptions. */
export type StreamingService = Service & Required<Pick<Service, "subscribe">>;

/** Returns whether a service has subscriptions. */
export function isStreaming(service: Service): service is StreamingService {
  return service.subscribe !== undefined;
}

/** Key of a request. */
export interface KeyContext {
  /** Name of the key. */
  readonly key: string;
  /** Public id of its secret; a rotated key has two. */
  readonly kid: string;
  /** Time of its creation, in milliseconds since 1970: another key may have its name later. */
  readonly keyCreated: number;
  /** Its rights. */
  readonly scope: Scope;
}

/** Context of a request. */
export interface ServiceContext extends KeyContext {
  /** Salt of the request, 16 bytes; undefined in version 1. */
  readonly salt?: Bytes | undefined;
  /** Aborts when the client has disconnected. */
  readonly clientSignal: AbortSignal;
  /** Aborts when the request's key stops working or its rights change. */
  readonly revoked?: AbortSignal | undefined;
  /** Reserves the memory of the answer until it is sealed; takes the function that releases it. */
  readonly holdMemory: (release: () => void) => void;
}

/** Context of a subscription. */
export interface SubscriptionContext {
  /** Key of the request. */
  readonly key: Key;
  /** Stream that answers it. */
  readonly stream: EventStream;
  /** Called when the subscription is granted. */
  readonly onConnected: () => void;
}

/** Answer of a service, before it is sealed. */
export interface Reply {
  /** Status for the client: the service's own HTTP status, or 200. */
  readonly status: number;
  /** The body as JSON text: JSON of the service passes unchanged. */
  readonly bodyJson: string;
  /** The body with gzip and in base64, which is sent in place of the text. */
  readonly bodyGzip?: string;
  /** Further members of the answer beside the body, as JSON values. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Present if the gateway itself made the answer. */
  readonly source?: "gateway";
  /** Name of the service that answered, where the answer carries it. */
  readonly service?: string;
}

/** Reason of an error besides its status and its message. */
export interface ErrorReplyOptions {
  /** Stable code for the client's program. */
  readonly code: ErrorCode;
  /** Seconds until a retry may succeed, where waiting helps. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Options of a service error. */
export type ServiceErrorOptions = ErrorReplyOptions & ErrorOptions & {
  /** True if nothing was sent, so that a device cannot have got the request; by default where the service is busy. */
  readonly isUnsent?: boolean | undefined;
};

/** Error of a service. The message goes to the client as it is, and holds no secret. */
export class ServiceError extends Error {
  /** Stable code for the client's program. */
  readonly code: ErrorCode;
  /** Seconds until a retry may succeed, where waiting helps. */
  readonly retryAfterSeconds: number | undefined;
  /** True if nothing was sent, so that a device cannot have got the request. */
  readonly isUnsent: boolean;

  /**
   * Makes the error from the answer's status and the message for the client.
   *
   * @param options `code` is for the client's program, `cause` for the log alone
   */
  constructor(readonly status: number, message: string, options: ServiceErrorOptions) {
    super(message, options);
    this.name = "ServiceError";
    this.code = options.code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.isUnsent = options.isUnsent ?? options.code === "busy";
  }
}

/** Returns whether an error of a service shows that nothing was sent: services check fields and rights before. */
export function isUnsent(error: unknown): boolean {
  return error instanceof FieldError || error instanceof ScopeError ||
    (error instanceof ServiceError && error.isUnsent);
}

/** Makes the error for a request whose key was revoked, or whose rights have changed, while it ran. */
export function revokedError(
  { reason }: Partial<Pick<AbortSignal, "reason">> = {},
  { isUnsent }: Pick<ServiceErrorOptions, "isUnsent"> = {},
): ServiceError {
  const message = reason instanceof Error ? reason.message : "Key was removed or disabled";
  return new ServiceError(403, message, { code: "key_revoked", isUnsent });
}

/** Makes an error answer of the gateway itself. */
export function errorReply(status: number, message: string, { code, retryAfterSeconds }: ErrorReplyOptions): Reply {
  return gatewayReply(status, { error: message, code, retry_after: retryAfterSeconds });
}

/** Makes an answer of the gateway itself: a JSON string with JSON in it, as clients of the original gateway read it. */
export function gatewayReply(status: number, body: Readonly<Record<string, unknown>>): Reply {
  const { bodyJson } = textReply(status, JSON.stringify(body));
  return { status, bodyJson, source: "gateway" };
}

/** Makes an answer whose body is a JSON string. */
export function textReply(status: number, text: string): Reply {
  return { status, bodyJson: JSON.stringify(text) };
}
