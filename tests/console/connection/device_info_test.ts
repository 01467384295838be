import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  parseDeviceInfo,
  readableEntities,
  readableTopics,
  readDeviceInfo,
  timeOf,
} from "../../../src/console/connection/device_info.ts";

const BODY = {
  name: "phone",
  kid: "0123456789abcdef",
  default: false,
  created: 1_700_000_000.5,
  expires: "2027-01-01T00:00:00.000Z",
  rights: { mqtt: { subscribe: ["home/#"] }, home_assistant: { read: ["light.*", 7] } },
  summary: ["MQTT subscribe home/#"],
  services: ["mqtt"],
  minProtocol: 2,
  version: "1.0.0",
};

Deno.test("parseDeviceInfo() reads times in seconds and in ISO 8601, and the rights to read", () => {
  const device = parseDeviceInfo({ status: 200, body: JSON.stringify(BODY) });
  assertEquals([device?.createdAt, device?.expiresAt], [1_700_000_000_500, Date.UTC(2027, 0, 1)]);
  assertEquals([device?.minProtocol, device?.version], [2, "1.0.0"]);
  if (device === undefined) throw new Error("The description is not read");
  assertEquals([readableTopics(device), readableEntities(device)], [["home/#"], ["light.*"]]);
  assertEquals(readDeviceInfo(structuredClone(device)), device);
});

Deno.test("parseDeviceInfo() returns undefined for errors and anything without name and id", () => {
  assertEquals(parseDeviceInfo({ status: 403, body: BODY }), undefined);
  fc.assert(fc.property(fc.jsonValue(), (body) => {
    assertEquals(parseDeviceInfo({ status: 200, body }), undefined);
  }));
});

Deno.test("timeOf() gives only times that a calendar has", () => {
  assertEquals(["", "soon", 1e300, -1e300, 8.7e15, NaN, Infinity, {}, null].map(timeOf), Array(9).fill(undefined));
  fc.assert(fc.property(fc.oneof(fc.double(), fc.string(), fc.date().map(String)), (value) => {
    const ms = timeOf(value);
    if (ms !== undefined) new Date(ms).toISOString();
  }));
});
