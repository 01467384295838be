import { assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import { parseJeedomRequest } from "../../../src/services/jeedom/request.ts";

Deno.test("parseJeedomRequest() names the field that is missing or wrong", () => {
  const faults: [Record<string, unknown>, string][] = [
    [{}, "Missing required field: jsonrpc"],
    [{ jsonrpc: null }, "Missing required field: jsonrpc"],
    [{ jsonrpc: "" }, "Missing required field: jsonrpc"],
    [{ jsonrpc: 1 }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "a b" }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "a".repeat(129) }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "ping", apikey: ["x"] }, "Invalid field: apikey"],
    [{ jsonrpc: "ping", params: [] }, "Invalid field: params"],
    [{ jsonrpc: "ping", params: "x" }, "Invalid field: params"],
    [{ jsonrpc: "ping", endpoint: 5 }, "Invalid field: endpoint"],
  ];
  for (const [payload, message] of faults) {
    assertThrows(() => parseJeedomRequest(payload), FieldError, message);
  }
});

Deno.test("the parsers throw nothing but a FieldError on any JSON object", () => {
  const parsers = [parseJeedomRequest];
  const fields = ["jsonrpc", "apikey", "params", "endpoint"];
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()), (payload) => {
    for (const parse of parsers) {
      try {
        parse(payload);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
      }
    }
  }));
});
