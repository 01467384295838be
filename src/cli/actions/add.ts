/**
 * The subcommand `actions add`: writes an action into the services file.
 *
 * @module
 */
import { setEntry } from "../../lib/yaml_edit.ts";
import { ACTIONS_SECTION } from "../../services/action/section.ts";
import { ENTRY_NAME_RULE, isEntryName } from "../../services/entry_names.ts";
import { type CommandLine, readArgs, UsageError } from "../args.ts";
import { PARAM_FORMS, paramsFromOptions } from "./param_option.ts";
import { REQUEST_OPTIONS, requestFromOptions } from "./request_options.ts";
import type { ActionsSession } from "./session.ts";

/** Command line of `actions add`. */
export const ADD_LINE = {
  synopsis: "deno task actions add NAME",
  summary: "Add an action: a named request, which keys can be granted",
  options: {
    label: { type: "string", value: "TEXT", description: "Text for people, which the app shows" },
    ...REQUEST_OPTIONS,
    param: {
      type: "string",
      value: "NAME:TYPE",
      multiple: true,
      description: "A parameter, in a form below;\n$NAME in the request is its place",
    },
    confirm: { type: "string", value: "TEXT", description: "Question before it runs" },
    icon: { type: "string", value: "NAME", description: "Icon, such as gate" },
    "cool-down": { type: "string", value: "SPAN", description: "Least time between two runs: 5s, 2m" },
    "state-topic": { type: "string", value: "TOPIC", description: "Topic with its current state" },
    answer: { type: "boolean", default: false, description: "Pass the service's answer on" },
    replace: { type: "boolean", default: false, description: "Replace the action of this name" },
  },
  notes: `An action has one of --publish, --call, --http, --home-assistant. Parameters:
${PARAM_FORMS}

  deno task actions add open-gate --label "Open the gate" \\
    --publish home/gate/set OPEN --qos 1
  deno task actions add heating --label Heating \\
    --param degrees:number:15:24:0.5 \\
    --call cmd::execCmd '{"id":42,"options":{"slider":"$degrees"}}'

-- before a message that begins with a dash. The services file may say more:
docs/services-file.md`,
} as const satisfies CommandLine;

/** Adds an action and prints how to grant it. */
export async function addAction(session: ActionsSession): Promise<void> {
  const { args, path, print, usage } = session;
  const [name = "-", ...rest] = args;
  // Otherwise it could not be told from the message that follows a topic.
  if (name.startsWith("-")) throw new UsageError(`The name of the action comes first\n${usage}`);
  const { values, positionals } = readArgs(rest, ADD_LINE);
  const { label, confirm, icon, "cool-down": coolDown } = values;
  const params = paramsFromOptions(values.param);
  const request = requestFromOptions(values, positionals);
  const mistakes = [
    ...isEntryName(name) ? [] : [`NAME "${name}" ${ENTRY_NAME_RULE}`],
    ...label === undefined ? ["--label TEXT is missing: people see it instead of the name"] : [],
    ...request.mistakes,
    ...params.mistakes,
  ];
  if (mistakes.length > 0) throw new UsageError(mistakes.join("\n"));
  const action = {
    label,
    ...icon !== undefined && { icon },
    ...confirm !== undefined && { confirm },
    ...coolDown !== undefined && { coolDown },
    ...params.members,
    ...request.members,
    ...values.answer && { answer: true },
    ...values["state-topic"] !== undefined && { state: { topic: values["state-topic"] } },
  };
  let isNew = true;
  await session.edit((text, actions) => {
    isNew = !actions.has(name);
    if (!isNew && !values.replace) {
      throw new UsageError(`There is an action "${name}" already: take another name, or give --replace`);
    }
    return setEntry(text, { section: ACTIONS_SECTION.name, name }, action);
  });
  print(
    `Action "${name}" is ${isNew ? "in" : "replaced in"} ${path}. A running gateway applies this within 2 seconds.`,
  );
  const keys = await session.keysFor(name);
  if (keys.length > 0) print(`Keys that may run it: ${keys.join(", ")}`);
  else print(`Next, grant it: deno task keys add NAME --action ${name}`);
}
