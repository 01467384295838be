/**
 * The Kotlin client: its unmodified files, compiled and run on the JVM with a replacement of OkHttp, because Debian has
 * no packages of Android and OkHttp 4.
 */
import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, ClientTests } from "../clients/client_program.ts";
import { testIntegers } from "../clients/answer_suite.ts";
import { testClient } from "../clients/client_suite.ts";
import { endAtOnce, error, stay } from "../clients/responses.ts";
import { withFakeGateway } from "../clients/tcp_gateway.ts";
import { received, subscribing } from "../clients/subscribing.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SOURCES = ["clients/kotlin", "tests/clients/kotlin"];

/** Debian's packages `kotlin` and `libandroid-json-java`. */
const KOTLINC = "/usr/bin/kotlinc";
const JSON_JAR = "/usr/share/java/com.android.json.jar";
/** JVM options for short programs. */
const QUICK_START = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
const HAS_KOTLIN = [KOTLINC, JSON_JAR].every(exists);

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Sets UTF-8: the JVM uses the encoding of the locale, which may be unset. */
const UTF8 = { LC_ALL: "C.UTF-8" };

let classes = "";

Deno.test.beforeAll(async () => {
  if (!HAS_KOTLIN) return;
  classes = await Deno.makeTempDir({ prefix: "kotlin-client-" });
  const { success, stderr } = await new Deno.Command(KOTLINC, {
    env: UTF8,
    args: ["-cp", JSON_JAR, ...SOURCES, "-include-runtime", "-d", `${classes}/client.jar`],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
});

Deno.test.afterAll(async () => {
  if (classes !== "") await Deno.remove(classes, { recursive: true });
});

const program: ClientProgram = {
  language: "Kotlin",
  needs: { kotlinc: HAS_KOTLIN },
  command: () => ({
    path: "java",
    args: [...QUICK_START, "-cp", `${classes}/client.jar:${JSON_JAR}`, "e2egateway.DriverKt"],
    env: UTF8,
  }),
  suffix: "Exception",
  badArgument: "IllegalArgumentException",
};

testClient(program);
testIntegers(program);

const tests = new ClientTests(program);

tests.test("seals a new request after a retry that the network delivered twice", () => {
  const repeated = endAtOnce(error("Request was used before: seal a new one for each subscription"));
  return subscribing(tests)([(request) => request.serve(1), repeated, stay(2)], { count: 2 }, (lines) => {
    assertEquals(received(lines), ["connected", "1", "disconnected", "connected", "2"]);
  });
});

tests.test("ends a subscription with the exception of its listener, and does not handle it as a failure of the gateway", () => {
  const thrown = ["ExpiredException", "IOException", "IllegalStateException", "CancellationException"];
  return withFakeGateway(thrown.map(() => stay(2)), async (gateway) => {
    const args = ["subscribe", "0", JSON.stringify({ times: 0, throws: thrown }), "#"];
    const lines = await tests.all(gateway, args, { CLIENT_PROTOCOL: "2" });
    const outcomes = lines.map((line) =>
      line["payload"] ?? line["type"] ?? line["failure"] ?? line["uncaught"] ?? "end"
    );
    assertEquals(outcomes, [...thrown.slice(0, -1), "end"].flatMap((name) => ["connected", "1", name]));
    assertEquals(lines.filter((line) => "uncaught" in line).length, 1);
    assertEquals(gateway.requests.length, thrown.length);
    for (const { fields } of gateway.requests) {
      assert(Math.abs(Number(fields["timestamp"]) - Date.now() / 1000) < 60);
    }
  });
});
