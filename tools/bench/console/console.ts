/** Measures frames and memory of the page's screen Live in Chromium, with many topics and a steady rate of messages. */
import type { Page } from "playwright-core";
import { connectAsync, type MqttClient } from "mqtt";
import type { CommandLine } from "../../../src/cli/args.ts";
import { startHome } from "../../../tests/console/support/home.ts";
import { makeLink } from "../../../tests/console/support/pairing.ts";
import { CHROMIUM } from "../../../tests/portable/run_in_chromium.ts";
import { until } from "../../../tests/support/deadline.ts";
import { UNLIMITED } from "../../../tests/support/gateway_process.ts";
import { Progress } from "../../support/progress.ts";
import { describeMethod, digits, markdownTable } from "../../support/report.ts";
import { runTool } from "../../support/run_tool.ts";
import { quantile } from "../../support/statistics.ts";
import { readNumber, readToolArgs, refuseMore } from "../../support/tool_args.ts";

const LINE = {
  synopsis: "deno task bench:console [SECONDS] [TOPICS] [RATE]",
  summary: "Measure frames and memory of the page with many topics at a steady rate of messages",
  options: {
    slower: { type: "string", value: "TIMES", default: "1", description: "Slows the browser's processor" },
  },
  notes: `SECONDS is the duration of each view (default: 60), TOPICS their number (default: 10000), and RATE the number
of messages per second (default: 500). Needs Chromium.`,
} as const satisfies CommandLine;

const [SECONDS, TOPICS, RATE, SLOWER] = readToolArgs(LINE, ({ positionals, values }) => {
  const [seconds, topics, rate, ...more] = positionals;
  refuseMore(more);
  return [
    readNumber(seconds, { name: "SECONDS", standard: 60, min: 4, isWhole: true }),
    readNumber(topics, { name: "TOPICS", standard: 10_000, min: 100, isWhole: true }),
    readNumber(rate, { name: "RATE", standard: 500, min: 10, isWhole: true }),
    readNumber(values.slower, { name: "--slower", standard: 1, min: 1 }),
  ] as const;
});

/** Topic whose chart is shown; it gets a tenth of all messages. */
const CHARTED = "bench/charted";

/** Time between two bundles of messages, in milliseconds. */
const BUNDLE_MS = 20;

/** Number of measurements of the memory in each view. */
const SAMPLES = 6;

/** Least frames per second, and the most that the memory may grow, as a share. */
const MIN_FRAMES = 50;
const MAX_GROWTH = 0.15;

/** Measurements of one view. */
interface ViewResult {
  readonly name: string;
  readonly framesPerSecond: number;
  readonly p99: number;
  readonly longest: number;
  readonly heap: readonly number[];
  /** Processor time of the page's main thread, as a share of the time. */
  readonly busy: number;
}

const topicOf = (index: number) =>
  `bench/room-${Math.floor(index / 100)}/device-${Math.floor(index / 10) % 10}/value-${index % 10}`;

const payloadOf = (index: number) =>
  index % 3 === 0
    ? JSON.stringify({ value: Math.random() * 100, battery: 87, linkquality: 120, state: "ON" })
    : (20 + Math.random()).toFixed(2);

/** Publishes at a steady rate until it is stopped. */
function startPublishing(client: MqttClient): { readonly charted: () => number; readonly stop: () => void } {
  let [sent, charted] = [0, 0];
  const began = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) / 1000 * RATE);
    for (; sent < due; sent++) {
      const isCharted = sent % 10 === 0;
      if (isCharted) charted += 1;
      const index = Math.floor(Math.random() * TOPICS);
      client.publish(isCharted ? CHARTED : topicOf(index), isCharted ? String(Math.sin(sent / 500)) : payloadOf(index));
    }
  }, BUNDLE_MS);
  return { charted: () => charted, stop: () => clearInterval(timer) };
}

const START_FRAMES = `(() => {
  const frames = globalThis.benchFrames = [];
  let last = performance.now();
  const count = (now) => {
    frames.push(now - last);
    last = now;
    if (globalThis.benchFrames === frames) requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
})()`;

const END_FRAMES = `(() => {
  const frames = globalThis.benchFrames;
  globalThis.benchFrames = undefined;
  return frames.slice(1);
})()`;

/** Scrolls the rows up and down, as a finger does. */
const SCROLL = `(() => {
  const rows = document.querySelector(".rows");
  let speed = 12;
  const scroll = () => {
    if (globalThis.benchFrames === undefined) return;
    if (rows.scrollTop + rows.clientHeight >= rows.scrollHeight) speed = -12;
    if (rows.scrollTop === 0) speed = 12;
    rows.scrollTop += speed;
    requestAnimationFrame(scroll);
  };
  requestAnimationFrame(scroll);
})()`;

async function measureView(
  page: Page,
  name: string,
  isScrolled: boolean,
  seconds = SECONDS,
): Promise<ViewResult> {
  const devtools = await page.context().newCDPSession(page);
  // Processor time, not time that passes: other processes share the machine.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const taskSeconds = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
  };
  let busySeconds = 0;
  const heap: number[] = [];
  const frames: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    // Outside of the measured frames: a forced garbage collection stops the page.
    await devtools.send("HeapProfiler.collectGarbage");
    heap.push((await devtools.send("Runtime.getHeapUsage")).usedSize);
    const before = await taskSeconds();
    await page.evaluate(START_FRAMES);
    if (isScrolled) await page.evaluate(SCROLL);
    await page.waitForTimeout(seconds / SAMPLES * 1000);
    frames.push(...await page.evaluate<number[]>(END_FRAMES));
    busySeconds += await taskSeconds() - before;
  }
  await devtools.detach();
  const sum = frames.reduce((total, duration) => total + duration, 0);
  return {
    name,
    framesPerSecond: frames.length / sum * 1000,
    p99: quantile(frames, 0.99),
    longest: Math.max(...frames),
    heap,
    busy: busySeconds / seconds,
  };
}

const MESSAGES = ".live-detail > .numbers > :nth-child(3) dd";

await runTool(async (started) => {
  if (CHROMIUM === undefined) throw new Error("Chromium is not installed. Install it: sudo apt-get install chromium");
  const progress = new Progress(4);
  progress.step("start");
  const home = started.use(await startHome(UNLIMITED));
  const client = await connectAsync(`mqtt://${home.broker.host}:${home.broker.port}`);
  started.defer(() => client.endAsync(true));
  for (let index = 0; index < TOPICS; index++) {
    client.publish(topicOf(index), payloadOf(index), { retain: true });
    if (index % 500 === 0) await new Promise((resolve) => setTimeout(resolve, BUNDLE_MS));
  }
  await client.publishAsync(CHARTED, "0", { qos: 1, retain: true });

  // It looks around on the machine as soon as it is imported: not for the help.
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--no-proxy-server"] });
  started.defer(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(await makeLink(home, "pair", "bench", "--service", "mqtt"));
  await page.locator("nav a", { hasText: "Live" }).click();
  const total = page.locator(".live-total span").first();
  await until("all topics to be there", async () => parseInt(await total.innerText()) >= TOPICS + 1);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });

  progress.step("chart");
  await page.getByRole("searchbox").fill("charted");
  await page.locator(".row", { hasText: "charted" }).last().click();
  await page.locator(".chart canvas").waitFor();
  await page.getByRole("searchbox").fill("");
  const seenBefore = parseInt((await page.locator(MESSAGES).innerText()).replace(/\D/g, ""));
  const still = await measureView(page, "Tree, before any message", false, 6);
  const publishing = startPublishing(client);
  started.defer(publishing.stop);
  const chart = await measureView(page, "Tree, chart of a topic with a tenth of the messages", false);
  progress.step("list");
  await page.getByRole("button", { name: "List" }).click();
  const list = await measureView(page, "List of all topics, scrolled all the time", true);
  publishing.stop();

  progress.step("count");
  const seen = async () => parseInt((await page.locator(MESSAGES).innerText()).replace(/\D/g, "")) - seenBefore;
  await until("all messages to be shown", async () => await seen() >= publishing.charted());
  const incidents = await page.locator(".incidents .note").count();
  if (incidents > 0) faults.push(`${incidents} interruptions of the stream`);
  for (const { name, framesPerSecond, heap } of [chart, list]) {
    if (framesPerSecond < MIN_FRAMES) faults.push(`${name}: ${digits(framesPerSecond, 1)} frames per second`);
    const [middle = 0, last = 0] = [heap[SAMPLES / 2], heap.at(-1)];
    if (last > middle * (1 + MAX_GROWTH)) faults.push(`${name}: the memory grew from ${middle} to ${last} bytes`);
  }
  if (faults.length > 0) Deno.exitCode = 1;
  const megabytes = (bytes: number | undefined) => digits((bytes ?? NaN) / 2 ** 20, 1);
  return [
    markdownTable(
      [
        "View",
        "Frames/s",
        "p99 frame, ms",
        "Longest, ms",
        "Main thread busy",
        "Heap at start, MB",
        "in the middle",
        "at the end",
      ],
      [still, chart, list].map(({ name, framesPerSecond, p99, longest, busy, heap }) => [
        name,
        digits(framesPerSecond, 1),
        digits(p99, 1),
        digits(longest, 0),
        `${digits(busy * 100, 0)} %`,
        megabytes(heap[0]),
        megabytes(heap[SAMPLES / 2]),
        megabytes(heap.at(-1)),
      ]),
    ),
    "",
    ...faults.length === 0 ? [] : [`Not reached: ${faults.join("; ")}`, ""],
    describeMethod([
      `${TOPICS} topics, ${RATE} messages/s, ${SECONDS} s for each view, ${browser.version()} headless, 1440 × 900` +
      (SLOWER > 1 ? `, processor slowed ${SLOWER} times` : ""),
      "Gateway, Mosquitto, publisher and browser share the machine; heap after a forced garbage collection",
      `All ${publishing.charted()} messages of the charted topic were shown, and no stream broke off`,
    ]),
  ].join("\n");
});
