/**
 * Methods of Jeedom's JSON-RPC API: whether the pattern `*` grants each of them, and the reason.
 *
 * The list is that of `core/api/jeeApi.php` in Jeedom 4.5. A method that is not here comes from a plugin or from another
 * version, and is granted by name alone. `docs/jeedom-methods.md` shows the same table.
 *
 * @module
 */

/** One method of Jeedom's API. */
export interface JeedomMethod {
  /** Its name, case-sensitive as in Jeedom. */
  readonly name: string;
  /** True if a pattern that names no class, such as `*`, grants it. */
  readonly granted: boolean;
  /**
   * Use by a key that is limited to some commands and scenarios: `id` names a command or a scenario of its list, or
   * the method is harmless. Absent where such a key may not call it at all.
   */
  readonly limited?: "command" | "scenario" | "harmless";
  /** Reason for both. */
  readonly reason: string;
}

/** Every method of the API, sorted by name. */
export const JEEDOM_METHODS: readonly JeedomMethod[] = [
  { name: "cmd::all", granted: true, reason: "Reads all commands and their values" },
  { name: "cmd::byEqLogicId", granted: true, reason: "Reads the commands of one device" },
  { name: "cmd::byId", granted: true, limited: "command", reason: "Reads one command and its value" },
  { name: "cmd::event", granted: false, limited: "command", reason: "Forges the value of a sensor" },
  {
    name: "cmd::execCmd",
    granted: true,
    limited: "command",
    reason: "Runs commands, the purpose of a phone. Jeedom evaluates `#ID#` and expressions in `options`",
  },
  { name: "cmd::getHistory", granted: true, limited: "command", reason: "Reads the history of one command" },
  { name: "cmd::getStatistique", granted: true, limited: "command", reason: "Reads figures of that history" },
  { name: "cmd::getTendance", granted: true, limited: "command", reason: "Reads the trend of that history" },
  { name: "cmd::save", granted: false, reason: "Changes the action of a command" },
  { name: "config::byKey", granted: false, reason: "Reads any setting, API keys and passwords among them" },
  { name: "config::save", granted: false, reason: "Changes any setting" },
  { name: "datastore::byTypeLinkIdKey", granted: false, reason: "Reads any variable: some hold codes of alarms" },
  { name: "datastore::save", granted: false, reason: "Changes the variables that scenarios decide by" },
  { name: "datetime", granted: true, limited: "harmless", reason: "Returns the time" },
  { name: "eqLogic::all", granted: true, reason: "Reads all devices" },
  { name: "eqLogic::byId", granted: true, reason: "Reads one device" },
  { name: "eqLogic::byObjectId", granted: true, reason: "Reads the devices of one room" },
  { name: "eqLogic::byType", granted: true, reason: "Reads the devices of one plugin" },
  { name: "eqLogic::byTypeAndId", granted: true, reason: "Reads devices with their commands" },
  { name: "eqLogic::fullById", granted: true, reason: "Reads one device with its commands" },
  { name: "eqLogic::save", granted: false, reason: "Adds and changes devices and their commands" },
  {
    name: "event::changes",
    granted: true,
    limited: "harmless",
    reason: "Reads all changes of the home, whatever the rights of the Jeedom user; the answer to a limited " +
      "key contains only the events of its commands and scenarios",
  },
  { name: "getJson", granted: false, reason: "Answers the API key of the user (`apikeyUser`), and registers a device" },
  { name: "interact::tryToReply", granted: false, reason: "Runs commands and scenarios by a sentence" },
  { name: "interactQuery::all", granted: false, reason: "Reads the sentences of the assistant with their actions" },
  { name: "jeeObject::all", granted: true, reason: "Reads all rooms" },
  { name: "jeeObject::byId", granted: true, reason: "Reads one room" },
  { name: "jeeObject::full", granted: true, reason: "Reads the whole home, as apps do at their start" },
  { name: "jeeObject::fullById", granted: true, reason: "Reads one room with its devices" },
  { name: "jeeObject::save", granted: false, reason: "Changes rooms" },
  { name: "jeedom::backup", granted: false, reason: "Writes a backup, which takes the machine's time and disk" },
  { name: "jeedom::getUsbMapping", granted: false, reason: "Reads the hardware of the machine" },
  { name: "jeedom::halt", granted: false, reason: "Stops the machine" },
  { name: "jeedom::isOk", granted: true, limited: "harmless", reason: "Returns whether Jeedom works" },
  { name: "jeedom::reboot", granted: false, reason: "Restarts the machine" },
  { name: "jeedom::update", granted: false, reason: "Installs new code in Jeedom" },
  { name: "log::add", granted: false, reason: "Writes a file whose name the client chooses" },
  { name: "log::empty", granted: false, reason: "Removes traces" },
  { name: "log::get", granted: false, reason: "Reads any file that exists, and requests with their API keys" },
  { name: "log::getDelta", granted: false, reason: "Reads requests with their API keys" },
  { name: "log::getLastLine", granted: false, reason: "Reads requests with their API keys" },
  { name: "log::list", granted: false, reason: "Reads the names of log files" },
  { name: "log::remove", granted: false, reason: "Removes traces" },
  { name: "message::add", granted: false, reason: "Shows a message in Jeedom's name, and runs actions" },
  { name: "message::all", granted: true, reason: "Reads the message centre" },
  { name: "message::removeAll", granted: false, reason: "Removes warnings that are yet unread" },
  { name: "message::removebyId", granted: false, reason: "Removes a warning that is yet unread" },
  { name: "network::dnsRun", granted: false, reason: "Reads the state of Jeedom's own tunnel" },
  { name: "network::restartDns", granted: false, reason: "Opens access to the home from outside" },
  { name: "network::stopDns", granted: false, reason: "Closes access to the home from outside" },
  { name: "object::all", granted: true, reason: "As `jeeObject::all`" },
  { name: "object::byId", granted: true, reason: "As `jeeObject::byId`" },
  { name: "object::full", granted: true, reason: "As `jeeObject::full`" },
  { name: "object::fullById", granted: true, reason: "As `jeeObject::fullById`" },
  { name: "object::save", granted: false, reason: "As `jeeObject::save`" },
  { name: "ping", granted: true, limited: "harmless", reason: "Answers `pong`" },
  { name: "plugin::deamonChangeAutoMode", granted: false, reason: "Changes whether a plugin's daemon starts" },
  { name: "plugin::deamonInfo", granted: false, reason: "Runs a plugin's own code" },
  { name: "plugin::deamonInfoAll", granted: false, reason: "Runs the code of all plugins" },
  { name: "plugin::deamonStart", granted: false, reason: "Starts a program" },
  { name: "plugin::deamonStop", granted: false, reason: "Stops a program that controls devices" },
  { name: "plugin::dependancyInfo", granted: false, reason: "Runs a plugin's own code" },
  { name: "plugin::dependancyInstall", granted: false, reason: "Installs code on the machine, as root" },
  { name: "plugin::install", granted: false, reason: "Installs code in Jeedom" },
  { name: "plugin::listPlugin", granted: true, reason: "Reads the names of the plugins" },
  { name: "plugin::remove", granted: false, reason: "Removes a plugin and its devices" },
  { name: "scenario::all", granted: true, reason: "Reads all scenarios" },
  { name: "scenario::byId", granted: true, limited: "scenario", reason: "Reads one scenario" },
  {
    name: "scenario::changeState",
    granted: true,
    limited: "scenario",
    reason: "Runs, stops, enables and disables a scenario, the purpose of a phone",
  },
  {
    name: "scenario::export",
    granted: false,
    limited: "scenario",
    reason: "Reads the code of a scenario, which may contain passwords",
  },
  { name: "scenario::import", granted: false, reason: "Installs code in a scenario" },
  { name: "scenario::save", granted: false, reason: "Changes the actions and the time of a scenario" },
  { name: "summary::byId", granted: true, reason: "Reads the summary of one room" },
  { name: "summary::global", granted: true, reason: "Reads the summary of the home" },
  { name: "timeline::all", granted: true, reason: "Reads past events" },
  { name: "timeline::byFolder", granted: true, reason: "Reads past events, by folder" },
  { name: "timeline::listFolder", granted: true, reason: "Reads the names of these folders" },
  { name: "update::all", granted: false, reason: "Reads where plugins come from, with access tokens of GitHub" },
  { name: "update::checkUpdate", granted: false, reason: "Makes Jeedom call all servers of updates" },
  { name: "update::doUpdate", granted: false, reason: "Installs new code in Jeedom: `update::update` by another name" },
  { name: "update::nbNeedUpdate", granted: true, reason: "Returns a number" },
  { name: "update::update", granted: false, reason: "Installs new code in Jeedom" },
  { name: "user::all", granted: false, reason: "Reads all users with their API keys" },
  { name: "user::getHash", granted: false, reason: "Answers an API key for a password, without any key" },
  { name: "user::save", granted: false, reason: "Makes and changes users" },
  { name: "user::useTwoFactorAuthentification", granted: false, reason: "Returns how a user logs in, without any key" },
  { name: "version", granted: true, limited: "harmless", reason: "Returns Jeedom's version" },
];

const BY_NAME: ReadonlyMap<string, JeedomMethod> = new Map(JEEDOM_METHODS.map((method) => [method.name, method]));

/** Returns the decision about a method; undefined for one that Jeedom's core does not have. */
export function findMethod(name: string): JeedomMethod | undefined {
  return BY_NAME.get(name);
}

/** Returns the other name of a method: Jeedom calls rooms `jeeObject` and, as before PHP 7.2, `object`. */
export function otherName(name: string): string | undefined {
  const [, prefix, rest] = /^(jeeObject|object)(::.*)$/.exec(name) ?? [];
  if (rest === undefined) return undefined;
  return (prefix === "object" ? "jeeObject" : "object") + rest;
}
