/**
 * HTTP APIs of InfluxDB: the requests that the gateway sends, and the results in their answers.
 *
 * @module
 */
import type { ParamValues } from "./params.ts";
import type { InfluxQuery, InfluxServer, InfluxWrite } from "./section.ts";
import type { Table } from "./table.ts";
import { API_1 } from "./api_1.ts";
import { API_2 } from "./api_2.ts";
import { API_3 } from "./api_3.ts";

/** HTTP request to a server. */
export interface ApiRequest {
  /** Method; a GET changes nothing. */
  readonly method: "GET" | "POST";
  /** Path below the server's address. */
  readonly path: string;
  /** Parameters of the URL. */
  readonly search: Readonly<Record<string, string>>;
  /** Headers besides the login. */
  readonly headers: Readonly<Record<string, string>>;
  /** Body of a POST. */
  readonly body?: string;
}

/** API of one version. */
export interface Api {
  /** Scheme of the login with a token. */
  readonly tokenScheme: "Bearer" | "Token";
  /** Makes the request of a query. */
  query(query: InfluxQuery, values: ParamValues): ApiRequest;
  /**
   * Parses the answer to a query, whose status is 200.
   *
   * @throws {InfluxError} if it has an error
   * @throws {SyntaxError} if it is malformed
   */
  parseResult(text: string): Table;
  /** Makes the request that writes a line. */
  write(write: InfluxWrite, line: string): ApiRequest;
  /** Makes a request that shows whether the server knows the database and the login. */
  probe(server: InfluxServer): ApiRequest;
}

const APIS: Readonly<Record<InfluxServer["version"], Api>> = { 1: API_1, 2: API_2, 3: API_3 };

/** Returns the API of a server. */
export function apiOf({ version }: Pick<InfluxServer, "version">): Api {
  return APIS[version];
}

/** Returns the headers of the login; none if there is no login. */
export function loginOf(server: InfluxServer): Readonly<Record<string, string>> {
  const { token, username, password = "" } = server;
  if (token !== undefined) return { "Authorization": `${apiOf(server).tokenScheme} ${token}` };
  if (username === undefined) return {};
  return { "Authorization": `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}` };
}
