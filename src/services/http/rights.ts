/**
 * Rights of a key in HTTP requests: targets, methods, paths, and URLs.
 *
 * @module
 */
import { z } from "zod";
import { createEntryMatcher, ENTRY_PATTERN_RULE, isEntryPattern } from "../entry_names.ts";
import { NotGrantedError, ScopeError, type ServiceRights } from "../../keys/rights.ts";
import {
  changeList,
  describeList,
  faultOf,
  grantsAny,
  listOption,
  type RightsChange,
  type RightsDefinition,
  type RightsRequest,
  summarizeParts,
  wrongValues,
} from "../rights_options.ts";
import { isPathPattern, matchesPath, PATH_PATTERN_RULE } from "./path.ts";
import { METHODS } from "./section.ts";
import { isUrlPattern, matchesUrl, parseUrlPattern, type UrlPattern } from "./url_pattern.ts";

/** Rule for a method, as text that follows it. */
const METHOD_RULE = `must be * or one of: ${METHODS.join(", ")}`;

/** Rule for a pattern of URLs, as text that follows it. */
const URL_RULE = "must be a pattern such as http://192.168.1.20:5000/api, https://*.example, 10.0.0.0/8 or *";

function isMethodGrant(text: string): boolean {
  return text === "*" || METHODS.some((method) => method === text);
}

const list = (test: (text: string) => boolean, rule: string) => z.array(z.string().refine(test, rule)).max(100);

const schema = z.strictObject({
  /** Patterns of targets that the key may use. */
  targets: list(isEntryPattern, ENTRY_PATTERN_RULE).default([]),
  /** Methods that its requests may have, out of those of the target. */
  methods: list(isMethodGrant, METHOD_RULE).default(["*"]),
  /** Patterns of paths that its requests may have, out of those of the target. */
  paths: list(isPathPattern, PATH_PATTERN_RULE).default(["/**"]),
  /** Patterns of URLs that it may use without a target, out of those that the gateway allows. */
  urls: list(isUrlPattern, URL_RULE).default([]),
});

type HttpRights = Readonly<z.output<typeof schema>>;

const NOTHING: HttpRights = schema.parse({});

/** Interpreted rights of one key in HTTP requests. */
export class HttpGrants {
  readonly #rights: HttpRights;
  readonly #mayUseTarget: (name: string) => boolean;
  readonly #urls: readonly UrlPattern[];

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    this.#rights = schema.parse(given);
    this.#mayUseTarget = createEntryMatcher(this.#rights.targets);
    this.#urls = this.#rights.urls.map(parseUrlPattern);
  }

  /** Returns whether the key may use a target of that name, whether or not there is one. */
  mayUseTarget(name: string): boolean {
    return this.#mayUseTarget(name);
  }

  /**
   * Requires a target.
   *
   * @throws {ScopeError} if the key does not grant it, whether or not there is one of that name
   */
  useTarget(name: string): void {
    if (this.mayUseTarget(name)) return;
    throw new NotGrantedError({ verb: "use", option: "http-target", value: name, granted: this.#rights.targets });
  }

  /** Returns whether the key may use a URL without a target. */
  mayUseUrl(url: URL): boolean {
    return this.#urls.some((pattern) => matchesUrl(pattern, url));
  }

  /**
   * Requires a method and a path.
   *
   * @throws {ScopeError} if the key does not grant one of them
   */
  callPath(method: string, path: string): void {
    const { methods, paths } = this.#rights;
    if (!methods.includes("*") && !methods.includes(method)) throw new ScopeError(`use the method ${method} here`);
    if (!paths.some((pattern) => matchesPath(pattern, path))) throw pathNotGranted();
  }
}

/** Returns the error for a path that is not granted: the same for a path that the target or that the key does not allow. */
export function pathNotGranted(): ScopeError {
  return new ScopeError("use this path");
}

/** Definition of the rights in HTTP requests. */
export const HTTP_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(schema.shape), safeParse: (value) => schema.safeParse(value) },
  all: { targets: ["*"], methods: ["*"], paths: ["/**"], urls: ["*"] },
  options: {
    "http-target": listOption("NAME", "HTTP targets to use, such as 'cam-*'"),
    "http-method": listOption("METHOD", "Their methods that it may use; all by default"),
    "http-path": listOption("PATTERN", "Their paths that it may use; all by default"),
    "http-url": listOption("PATTERN", "URLs to use, out of HTTP_ALLOWED"),
  },
  change: changeRights,
  values(rights) {
    const { targets, methods, paths, urls } = schema.parse(rights);
    return { "http-target": targets, "http-method": methods, "http-path": paths, "http-url": urls };
  },
  describe: describeRights,
  summarize: summarizeRights,
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : schema.parse(given);
  const list = (name: string) => changeList(values, name, { isNew });
  const [targets, methods, paths, urls] = [
    list("http-target"),
    list("http-method")?.map((method) => method.toUpperCase()),
    list("http-path"),
    list("http-url"),
  ];
  const rights: HttpRights = {
    targets: targets ?? before.targets,
    methods: methods ?? before.methods,
    paths: paths ?? before.paths,
    urls: urls ?? before.urls,
  };
  const isChanged = isNamed || [targets, methods, paths, urls].some((texts) => texts !== undefined);
  const hasNothing = rights.targets.length + rights.urls.length === 0;
  return {
    rights,
    isGranted: grantsAny([targets, urls]),
    mistakes: [
      ...wrongValues("http-target", rights.targets, faultOf(isEntryPattern, ENTRY_PATTERN_RULE)),
      ...wrongValues("http-method", rights.methods, faultOf(isMethodGrant, METHOD_RULE)),
      ...wrongValues("http-path", rights.paths, faultOf(isPathPattern, PATH_PATTERN_RULE)),
      ...wrongValues("http-url", rights.urls, faultOf(isUrlPattern, URL_RULE)),
      ...isChanged && hasNothing && (isNew || isNamed) ? [NOTHING_GRANTED] : [],
    ],
  };
}

const NOTHING_GRANTED = "HTTP needs --http-target NAME or --http-url PATTERN: without one it grants nothing";

function describeRights(given: ServiceRights): (readonly [label: string, text: string])[] {
  const { targets, methods, paths, urls } = schema.parse(given);
  return [
    ["HTTP targets", describeList(targets)],
    ["HTTP methods", describeList(methods)],
    ["HTTP paths", describeList(paths)],
    ["HTTP URLs", describeList(urls)],
  ];
}

function summarizeRights(given: ServiceRights): string {
  const { targets, methods, paths, urls } = schema.parse(given);
  const isNarrowed = !methods.includes("*") || !paths.includes("/**");
  const parts = [
    ["targets", targets],
    ...isNarrowed ? [["methods", methods], ["paths", paths]] as const : [],
    ["URLs", urls],
  ] as const;
  return `HTTP ${summarizeParts(parts) || "nothing"}`;
}
