/**
 * State of the Admin page.
 *
 * @module
 */
import { signal } from "@preact/signals";
import type { Observable, Variable } from "../observable.ts";
import type { KeyList, KeyOptions } from "../../protocol/admin_api.ts";
import type { Language } from "../catalogue/language.ts";
import { isKeyList, isKeyOptions } from "./answers.ts";
import { type AdminApi, AdminError, type AdminFailure } from "./api.ts";

/** Reason why the page shows nothing. */
export type Stopped = Exclude<AdminFailure, "refused">;

/** Parts of the page. */
export interface AdminParts {
  /** Client of the API. */
  readonly api: AdminApi;
  /** Address for devices that the link has. */
  readonly gateway: string | undefined;
  /** Changes the language of the page, and keeps it. */
  readonly chooseLanguage: (language: Language) => void;
}

/** State of the page. */
export class AdminState {
  readonly #list = signal<KeyList | undefined>(undefined);
  readonly #options = signal<KeyOptions | undefined>(undefined);
  readonly #stopped = signal<Stopped | undefined>(undefined);
  readonly #gateway: string | undefined;
  /** Client of the API. */
  readonly api: AdminApi;
  /** Changes the language of the page, and keeps it. */
  readonly chooseLanguage: (language: Language) => void;
  /** Message about the last change. */
  readonly notice: Variable<string> = signal("");

  /** Makes the state. */
  constructor({ api, gateway, chooseLanguage }: AdminParts) {
    this.api = api;
    this.#gateway = gateway;
    this.chooseLanguage = chooseLanguage;
  }

  /** Keys and pairing codes; undefined until they are loaded. */
  get list(): Observable<KeyList | undefined> {
    return this.#list;
  }

  /** Options of rights; undefined until they are loaded. */
  get options(): Observable<KeyOptions | undefined> {
    return this.#options;
  }

  /** Reason why the page shows nothing; undefined while it works. */
  get stopped(): Observable<Stopped | undefined> {
    return this.#stopped;
  }

  /** Address of the gateway for a new device; empty if it is not known. */
  get address(): string {
    return this.#options.value?.address ?? this.#gateway ?? "";
  }

  /** Loads everything. */
  async load(): Promise<void> {
    await this.attempt(async () => {
      const [list, options] = await Promise.all([
        this.api.get("keys", isKeyList),
        this.api.get("options", isKeyOptions),
      ]);
      this.#list.value = list;
      this.#options.value = options;
      this.#stopped.value = undefined;
    });
  }

  /** Loads the keys again. */
  async refresh(): Promise<void> {
    await this.attempt(async () => {
      this.#list.value = await this.api.get("keys", isKeyList);
      this.#stopped.value = undefined;
    });
  }

  /**
   * Runs requests.
   *
   * @returns the gateway's message if it refused; undefined if it did not, or the page has stopped
   */
  async attempt(work: () => Promise<unknown>): Promise<string | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      if (error.kind === "refused") return error.message;
      this.#stopped.value = error.kind;
      return undefined;
    }
  }
}
