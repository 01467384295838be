/**
 * All checks, in the order in which they are made.
 *
 * @module
 */
import type { Subject } from "./check.ts";
import { ENVELOPE } from "./checks/envelope.ts";
import { JEEDOM } from "./checks/jeedom.ts";
import { PUBLISH } from "./checks/publish.ts";
import { REFUSALS } from "./checks/refusals.ts";
import { REPLAY } from "./checks/replay.ts";
import { RESUME } from "./checks/resume.ts";
import { SOURCE } from "./checks/source.ts";
import { STREAM } from "./checks/stream.ts";
import { TIME } from "./checks/time.ts";
import { TRANSPORT } from "./checks/transport.ts";

/** The checks by subject. */
export const SUBJECTS: readonly Subject[] = [
  TRANSPORT,
  ENVELOPE,
  REFUSALS,
  TIME,
  REPLAY,
  SOURCE,
  JEEDOM,
  PUBLISH,
  STREAM,
  RESUME,
];
