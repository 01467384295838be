/**
 * The Kotlin client: the unmodified file, compiled and run on the JVM over a stand-in for OkHttp, as neither Android
 * nor OkHttp can be installed from Debian's packages.
 */
import { testClient } from "../clients/client_suite.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SOURCES = [
  "clients/kotlin/GatewayClient.kt",
  "tests/clients/kotlin/okhttp_stand_in.kt",
  "tests/clients/kotlin/driver.kt",
];

/** Debian's packages `kotlin` and `libandroid-json-java`. */
const KOTLINC = "/usr/bin/kotlinc";
const JSON_JAR = "/usr/share/java/com.android.json.jar";
/** For a program that lives a second. */
const QUICK_START = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];
const ignore = ![KOTLINC, JSON_JAR].every(exists);

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The JVM writes and reads in the locale's encoding, and a machine may have none. */
const UTF8 = { LC_ALL: "C.UTF-8" };

let classes = "";

Deno.test.beforeAll(async () => {
  if (ignore) return;
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

testClient({
  language: "Kotlin",
  ignore,
  command: () => ({
    path: "java",
    args: [...QUICK_START, "-cp", `${classes}/client.jar:${JSON_JAR}`, "e2egateway.DriverKt"],
    env: UTF8,
  }),
  refusal: "GatewayException",
  badArgument: "IllegalArgumentException",
  brokenStream: "IOException",
});
