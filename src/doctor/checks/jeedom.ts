/**
 * Whether Jeedom answers, and takes the API key.
 *
 * @module
 */
import { isPage, type Reply } from "../ask.ts";
import type { Check } from "../check.ts";
import type { FailureReason } from "../fetch_failure.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";
import type { KeyAnswer } from "../jeedom_state.ts";

const REMEDIES: Partial<Readonly<Record<FailureReason, string>>> = {
  name: "Mend the name in JEEDOM_URL, or write the address of Jeedom there",
  refused: "Start Jeedom's web server, or mend the port in JEEDOM_URL",
  certificate:
    "Set JEEDOM_CA_FILE to Jeedom's certificate, or to its authority's; use the name that the certificate is for",
  tls: "Write http:// instead of https:// into JEEDOM_URL, if Jeedom has no certificate",
  http: "Mend the port in JEEDOM_URL: another program is there",
};

const UNREACHABLE = "See whether Jeedom runs, and whether JEEDOM_URL is its address";

/** Jeedom. */
export const JEEDOM: Check = {
  name: "jeedom",
  async look(house, signal) {
    const { origin } = house.config.JEEDOM_URL;
    const state = await house.jeedom(signal);
    switch (state.kind) {
      case "failure":
        if (!house.config.READY_NEEDS.includes("jeedom")) {
          return skipped("Does not answer, and READY_NEEDS does not name it");
        }
        return failed(`${origin} ${state.words}`, REMEDIES[state.reason] ?? UNREACHABLE);
      case "strange":
        return tellStrange(origin, state.reply);
      case "closed":
        return failed(
          `${origin} refuses all calls (error ${state.code})`,
          "Allow JSON-RPC in Jeedom: Settings, System, Configuration, API",
        );
      case "jeedom":
        return tellKey(`${origin} answers`, state.key);
    }
  },
};

function tellKey(answers: string, key: KeyAnswer): Finding {
  switch (key.kind) {
    case "accepted":
      return ok(`${answers}, and takes JEEDOM_APIKEY`);
    case "none":
      return ok(`${answers}; JEEDOM_APIKEY is not set, so each request has to bring a key`);
    case "refused":
      return failed(
        `${answers}, and refuses JEEDOM_APIKEY (error ${key.code})`,
        "Copy the key anew from Jeedom: Settings, System, Configuration, API",
      );
    case "unknown":
      return warning(
        `${answers}, but ${key.words} when it is given JEEDOM_APIKEY`,
        "Look into Jeedom's log http.error",
      );
  }
}

function tellStrange(origin: string, reply: Reply): Finding {
  const { status, headers } = reply;
  if (status >= 300 && status < 400) {
    const target = URL.parse(headers.get("Location") ?? "", origin)?.origin;
    return failed(`${origin} redirects to ${target ?? "elsewhere"}`, "Set JEEDOM_URL to its final address");
  }
  if (status === 404) {
    return failed(
      `${origin} answers HTTP 404: no Jeedom is there, or it shuts this machine out for 10 minutes`,
      "Mend the path in JEEDOM_URL, wait 10 minutes, or put this machine on Jeedom's white list (Security)",
    );
  }
  if (status === 500) return failed(`${origin} answers HTTP 500`, "Look into Jeedom's log http.error");
  const what = isPage(reply) ? "a page for people" : "something else than JSON-RPC";
  return failed(
    `${origin} answers HTTP ${status} and ${what}`,
    "Set JEEDOM_URL to Jeedom itself, without a login before it",
  );
}
