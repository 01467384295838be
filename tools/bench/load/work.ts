/** Numbered requests of the load benchmark, and the check of their answers. */

/** Kind of request. */
export type Work =
  | { readonly kind: "jeedom" }
  | { readonly kind: "publish"; readonly qos: 0 | 1 }
  | { readonly kind: "proxy" };

/** Returns the topic of a message. */
export function topic(number: number): string {
  return `bench/load/${number}`;
}

/** Returns the payload of a message. */
export function message(number: number): string {
  return `{"sensor":"living room","temperature":21.5,"number":${number}}`;
}

/** Returns the route of the gateway. */
export function pathOf({ kind }: Work): string {
  return kind === "publish" ? "/mqtt/publish" : "/gateway";
}

/** Returns the plaintext of a request. */
export function requestText(work: Work, number: number): string {
  if (work.kind === "publish") {
    const request = { service: "mqtt", topic: topic(number), message: message(number), qos: work.qos };
    return JSON.stringify({ ...request, timestamp: Date.now() / 1000 });
  }
  const params = { id: 42, marker: number };
  if (work.kind === "jeedom") {
    return JSON.stringify({ service: "jeedom", jsonrpc: "cmd::byId", params, timestamp: Date.now() / 1000 });
  }
  const call = { jsonrpc: "2.0", id: 99_999, method: "cmd::byId", params: { apikey: "bench", ...params } };
  const bare = JSON.stringify({ ...call, pad: "" });
  // As long as the sealed request for the same call: base64 of nonce, plaintext and tag.
  const sealedLength = Math.ceil((requestText({ kind: "jeedom" }, number).length + 28) / 3) * 4;
  return JSON.stringify({ ...call, pad: " ".repeat(Math.max(0, sealedLength - bare.length)) });
}

/**
 * Checks that an opened answer belongs to a request.
 *
 * @throws {Error} if it does not
 */
export function checkAnswer(work: Work, number: number, text: string): void {
  const answer = JSON.parse(text);
  const isRight = work.kind === "publish"
    ? answer.status === 200 && JSON.parse(answer.body).success === true &&
      JSON.parse(answer.body).topic === topic(number)
    : work.kind === "jeedom"
    ? answer.status === 200 && answer.body.id === 99_999 && answer.body.result.marker === number
    : answer.id === 99_999 && answer.result.marker === number;
  if (!isRight) throw new Error(`Wrong answer to request ${number}: ${text}`);
}
