/**
 * Addresses of this page's own workers, as its policy demands them (Trusted Types).
 *
 * @module
 */

/** Workers of the page. */
export type WorkerFile = "scan.js" | "sw.js";

/** Trusted Types API, as far as it is used. Its trusted addresses stand for text wherever a worker is made. */
interface TrustedTypesApi {
  createPolicy(
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** Missing in some browsers. */
declare const trustedTypes: TrustedTypesApi | undefined;

/** The page's only policy. It is made once: a second one of the same name is refused. */
const POLICY = typeof trustedTypes === "undefined"
  ? undefined
  : trustedTypes.createPolicy("e2eg", { createScriptURL: (url) => url });

/** Returns the address of a worker, beside the page. */
export function workerUrl(file: WorkerFile): string {
  const url = new URL(file, document.baseURI).href;
  return POLICY?.createScriptURL(url) ?? url;
}
