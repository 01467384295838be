/**
 * Files of the page for another server, which sends none of the gateway's headers.
 *
 * @module
 */
import { INDEX, PAGE_POLICY } from "../http/console.ts";
import { webAddress } from "../config/rules.ts";
import { hostOf } from "../net/host.ts";
import { isLoopback } from "../net/ip_address.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { UsageError } from "./args.ts";

/** Name of the meta tag with the gateways that an exported page may use. */
const GATEWAYS_META = "e2eg-gateways";

/** Directive that browsers ignore in a meta tag. */
const HEADER_ONLY = "frame-ancestors";

const address = webAddress("https://yourdevice.tail497f.ts.net");

/**
 * Parses the address of a gateway.
 *
 * @throws {UsageError} if it is not one that a page over HTTPS can use
 */
export function parseGateway(text: string): URL {
  const { data: url, error } = address.safeParse(text);
  if (url === undefined) throw new UsageError(`--gateway ${error?.issues[0]?.message ?? "is wrong"}`);
  if (url.protocol !== "https:" && !isLoopback(hostOf(url))) {
    throw new UsageError("--gateway must be https://: browsers let no page over HTTPS use another one");
  }
  return url;
}

/** Returns the content of a file for another server. */
export function exportedFile(path: string, content: Bytes, gateways: readonly URL[]): Bytes {
  if (path === INDEX) return encode(withMeta(new TextDecoder().decode(content), gateways));
  // Browsers take a new version of the page only when the bytes of the service worker differ.
  if (path === "sw.js") return encode(`${new TextDecoder().decode(content)}// ${addresses(gateways)}\n`);
  return content;
}

/** Adds the policy and the gateways to the page, before anything that it loads. */
function withMeta(page: string, gateways: readonly URL[]): string {
  const origins = [...new Set(gateways.map(({ origin }) => origin))].join(" ");
  const policy = PAGE_POLICY.filter((directive) => !directive.startsWith(HEADER_ONLY))
    .map((directive) => directive.startsWith("connect-src ") ? `${directive} ${origins}` : directive).join("; ");
  const tags = [
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<meta name="${GATEWAYS_META}" content="${addresses(gateways)}">`,
  ];
  return page.replace(
    /^( *)<meta charset="utf-8">\n/m,
    (line, indent) => line + tags.map((tag) => `${indent}${tag}\n`).join(""),
  );
}

/** Lists addresses for an attribute: an address has neither spaces nor quotes. */
function addresses(gateways: readonly URL[]): string {
  return [...new Set(gateways.map(({ href }) => href.replace(/\/+$/, "").replaceAll("&", "&amp;")))].join(" ");
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}
