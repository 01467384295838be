/**
 * Bodies of the admin port's API, as the gateway sends them to the Admin page. Types alone: the page has no other code of
 * the gateway.
 *
 * @module
 */

/** Values of options by name, as the command line has them: lists, texts, and switches that are on. */
export type OptionInput = Readonly<Record<string, string | true | readonly string[]>>;

/** Last request that a key opened. */
export interface KeyUse {
  /** Time of its answer, in milliseconds since 1970. */
  readonly at: number;
  /** Service that it was for. */
  readonly service: string;
  /** Subject of it, such as a method or topics. */
  readonly target?: string | undefined;
  /** Result of the answer in one word. */
  readonly result: "ok" | "subscribed" | "repeat" | "refused" | "failed";
}

/** A key, without its secret. */
export interface ListedKey {
  /** Name. */
  readonly name: string;
  /** Public id of its secret. */
  readonly kid: string;
  /** Text by which its device describes itself. */
  readonly label?: string | undefined;
  /** Time of its creation, in milliseconds since 1970; undefined for the key `default`. */
  readonly created?: number | undefined;
  /** Time of its expiry, in milliseconds since 1970. */
  readonly expires?: number | undefined;
  /** Reason why it does not work; undefined if it does. */
  readonly unusable?: "disabled" | "expired" | undefined;
  /** End of the validity of the secret before the last rotation, in milliseconds since 1970. */
  readonly previousUntil?: number | undefined;
  /** Rights in one line. */
  readonly summary: string;
  /** Rights in full, each with its label. */
  readonly rights: readonly (readonly [label: string, text: string])[];
  /** Rights as values of the options that grant them. */
  readonly values: OptionInput;
  /** Version of what a change concerns: another one after each change. */
  readonly version: string;
  /** True for the key `default`, which is in a file of its own and cannot be changed here. */
  readonly isDefault: boolean;
  /** Runs that are left and runs in all, by service, where they are limited; null where they cannot be read. */
  readonly uses: Readonly<Record<string, { readonly left: number; readonly of: number } | null>>;
  /** Last request that it opened since the start. */
  readonly lastUse?: KeyUse | undefined;
}

/** Pairing code that waits for its device, without the code. */
export interface ListedPairing {
  /** Name of the key that the device gets. */
  readonly name: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
  /** True if the key exists already, and gets a new secret. */
  readonly isReplacement: boolean;
}

/** Keys and pairing codes. */
export interface KeyList {
  /** Keys, by name. */
  readonly keys: readonly ListedKey[];
  /** Pairing codes that wait for their devices. */
  readonly pairings: readonly ListedPairing[];
  /** Time from which on uses are known, in milliseconds since 1970. */
  readonly usesSince: number;
}

/** Option by which rights are granted. */
export interface RightsOption {
  /** Kind of its value; `boolean` for a switch. */
  readonly type: "string" | "boolean";
  /** True if it can be given several times. */
  readonly multiple?: boolean;
  /** Placeholder of its value, such as `FILTER`. */
  readonly value?: string;
  /** Line of the help. */
  readonly description: string;
}

/** Value of an option that exists in the configuration. */
export interface OptionChoice {
  /** The value. */
  readonly value: string;
  /** Text for people. */
  readonly label?: string;
}

/** Options by which rights in one service are granted. */
export interface ServiceOptions {
  /** Name of the service. */
  readonly service: string;
  /** Name for people. */
  readonly title: string;
  /** True if its everyday rights belong to a key without options. */
  readonly isEveryday: boolean;
  /** Options by name. A switch `name` of a key is taken back by `no-name`. */
  readonly options: Readonly<Record<string, RightsOption>>;
  /** Values to choose from, by the name of the option; absent for an option without such. */
  readonly choices: Readonly<Record<string, readonly OptionChoice[]>>;
}

/** Options of all services. */
export interface KeyOptions {
  /** Options by service. */
  readonly services: readonly ServiceOptions[];
  /** Address of the gateway for devices, if it is configured. */
  readonly address?: string | undefined;
}

/** Link by which a device gets its key. */
export interface PairingOffer {
  /** Name of the key. */
  readonly name: string;
  /** Link with the code: a secret. */
  readonly link: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expires: number;
}

/** Result of one of the doctor's checks. */
export interface Finding {
  /** Name of the check. */
  readonly name: string;
  /** Status. */
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** Result in words. */
  readonly message: string;
  /** Instructions that fix it. */
  readonly remedy?: string;
}

/** Results of the doctor's checks. */
export interface DoctorReport {
  /** End of the checks, in milliseconds since 1970. */
  readonly at: number;
  /** Result of each check. */
  readonly results: readonly Finding[];
}

/** Refused requests of one cause, and of one key where they are counted by key. */
export interface Refusal {
  /** Cause. */
  readonly cause: string;
  /** Number of requests. */
  readonly requests: number;
  /** Name of the key, from the key files. */
  readonly key?: string;
  /** Addresses with the most requests, in descending order; absent if requests are counted by key. */
  readonly addresses?: readonly { readonly address: string; readonly requests: number }[];
  /** Seconds by which the clock of the last of these clients is ahead of the gateway's. */
  readonly "clock_offset_seconds"?: number;
}

/** Refused requests of the last minutes. */
export interface RefusalList {
  /** Number of these minutes. */
  readonly minutes: number;
  /** Requests by cause, the most frequent first. */
  readonly refusals: readonly Refusal[];
}
