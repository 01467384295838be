/** A proxy with gateways under prefixes of one origin, which removes them; it can release another version of the page. */

/** A running proxy. */
export interface PrefixProxy extends AsyncDisposable {
  /** Its origin. */
  readonly origin: string;
  /** Methods and paths of the requests, with their prefixes. */
  readonly requests: readonly string[];
  /** Serves another version of the page from now on: its root element has it as `data-version`. */
  release(version: string): void;
}

/** Starts the proxy; `gateways` are the addresses of gateways by their prefixes, such as `/a`. */
export function startPrefixProxy(gateways: Readonly<Record<string, string>>): PrefixProxy {
  const requests: string[] = [];
  let version: string | undefined;

  /** Returns a file of the other version; the same one where it does not differ. */
  async function changed(response: Response, path: string): Promise<BodyInit | null> {
    if (version === undefined || !["/", "/sw.js"].includes(path)) return response.body;
    const text = await response.text();
    return path === "/" ? text.replace("<html", `<html data-version="${version}"`) : withVersion(text, version);
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    requests.push(`${request.method} ${pathname}`);
    const [prefix, gateway] = Object.entries(gateways).find(([prefix]) => pathname.startsWith(`${prefix}/`)) ?? [];
    if (prefix === undefined || gateway === undefined) return new Response(null, { status: 404 });
    const path = pathname.slice(prefix.length);
    const { method, body, signal } = request;
    const headers = new Headers(request.headers);
    headers.delete("Host");
    const response = await fetch(`${gateway}${path}${search}`, { method, headers, body, signal, redirect: "manual" });
    const answered = new Headers(response.headers);
    // Of the body on its way here, which fetch() has decoded.
    for (const name of ["Content-Encoding", "Content-Length", "ETag"]) answered.delete(name);
    return new Response(await changed(response, path), { status: response.status, headers: answered });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    requests,
    release: (released) => version = released,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Returns the service worker with another version of its files: its cache is another one. */
function withVersion(worker: string, version: string): string {
  const changed = worker.replace(/(version:")[0-9a-f]{16}"/, `$1${version.padEnd(16, "0")}"`);
  if (changed === worker) throw new Error("The service worker names no version");
  return changed;
}
