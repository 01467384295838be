/** Variables that are recognized as misspelt settings, and those that are not. */
import { assertEquals } from "@std/assert";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { describeUnknownSetting, findUnknownSettings, settingsLike } from "../../src/config/unknown_settings.ts";

/** Misspelt names that are recognized in every source, with the intended setting. */
const MISSPELT: Readonly<Record<string, string>> = {
  MQTT_BROKER_PROT: "MQTT_BROKER_PORT",
  MQTT_BROKR_HOST: "MQTT_BROKER_HOST",
  "mqtt_broker_host": "MQTT_BROKER_HOST",
  "MQTT-BROKER-HOST": "MQTT_BROKER_HOST",
  "mqtt.broker.host": "MQTT_BROKER_HOST",
  MQTTBROKERHOST: "MQTT_BROKER_HOST",
  MqttBrokerHost: "MQTT_BROKER_HOST",
  MQTT_HOST: "MQTT_BROKER_HOST",
  MQTT_SERVER: "MQTT_BROKER_HOST",
  MQTT_URL: "MQTT_BROKER_HOST",
  MQTT_BROKER_URL: "MQTT_BROKER_HOST",
  BROKER_HOST: "MQTT_BROKER_HOST",
  MQTT_PORT: "MQTT_BROKER_PORT",
  MQTT_BROKER: "MQTT_BROKER_HOST or MQTT_BROKER_PORT",
  MQTT_USER: "MQTT_USERNAME",
  MQTT_BROKER_USERNAME: "MQTT_USERNAME",
  MQTT_PASS: "MQTT_PASSWORD",
  MQTT_PASSWD: "MQTT_PASSWORD",
  MQTT_SSL: "MQTT_TLS",
  MQTT_CA: "MQTT_CA_FILE",
  MQTT_CLIENTID: "MQTT_CLIENT_ID",
  JEEDOM_ULR: "JEEDOM_URL",
  JEEDOM_HOST: "JEEDOM_URL",
  JEEDOM_API_KEY: "JEEDOM_APIKEY",
  JEEDOM_KEY: "JEEDOM_APIKEY",
  JEDOM_APIKEY: "JEEDOM_APIKEY",
  TLS_CERT: "TLS_CERT_FILE",
  TLS_KEYFILE: "TLS_KEY_FILE",
  LOGLEVEL: "LOG_LEVEL",
  LOG_LEVLE: "LOG_LEVEL",
  MAX_STREAM: "MAX_STREAMS",
  METRIC_PORT: "METRICS_PORT",
  READY_NEED: "READY_NEEDS",
  RATE_LIMIT: "RATE_LIMITS",
  PUBLIC_URI: "PUBLIC_URL",
  PROT: "PORT",
  HSOT: "HOST",
  port: "PORT",
  E2E_GATEWAY_PORT: "PORT",
  GATEWAY_ULR: "GATEWAY_URL",
  GATWAY_KEY: "GATEWAY_KEY",
};

/** Misspelt names that could be another program's in the environment, but not in the gateway's own file. */
const MISSPELT_IN_FILE: Readonly<Record<string, string>> = {
  API_KEY: "JEEDOM_APIKEY or SUPERVISOR_TOKEN",
  APIKEY: "JEEDOM_APIKEY or SUPERVISOR_TOKEN",
  REDIS_ADDRESS: "REDIS_URL",
  SECRET_KEY: "SECRET_KEY_FILE",
  SSL_CERT_FILE: "TLS_CERT_FILE",
  HOSTNAME: "HOST",
  PORTS: "PORT",
  GATEWAY_PORT: "PORT",
  LOG_LVL: "LOG_LEVEL",
  PASSWORD: "MQTT_PASSWORD",
  TRUSTED_PROXY: "TRUSTED_PROXIES",
  TRUST_PROXY: "TRUSTED_PROXIES",
  CORS_ORIGINS: "ALLOWED_ORIGINS",
  CORS_ORIGIN: "ALLOWED_ORIGINS",
};

/** Names of variables as they are in environments where no setting is misspelt. */
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  "a shell of Debian, over SSH and on a desktop": `
    _ BASH_ENV COLORTERM COLUMNS DBUS_SESSION_BUS_ADDRESS DEBEMAIL DEBFULLNAME DEBIAN_FRONTEND DESKTOP_SESSION DISPLAY
    EDITOR EMAIL ENV FCEDIT FTP_PROXY GDMSESSION GNOME_TERMINAL_SCREEN GNUPGHOME GPG_AGENT_INFO GPG_TTY GROUP
    GTK_IM_MODULE HISTCONTROL HISTFILE HISTSIZE HOME HOST HOSTNAME HOSTTYPE IFS INFOPATH INPUTRC KRB5CCNAME LANG LANGUAGE
    LC_ALL LC_CTYPE LC_MESSAGES LC_TIME LESS LESSCLOSE LESSOPEN LINES LOGIN LOGNAME LS_COLORS LS_OPTIONS MACHTYPE MAIL
    MAILCHECK MANPATH MORE MOST_EDITOR NNTPSERVER OLDPWD OPTIND OSTYPE PAGER PATH POSIXLY_CORRECT PPID PRINTER PROMPT
    PROMPT_COMMAND PS1 PS2 PWD QT_ACCESSIBILITY SESSION_MANAGER SHELL SHELLOPTS SHLVL SSH_AGENT_PID SSH_ASKPASS
    SSH_AUTH_SOCK SSH_CLIENT SSH_CONNECTION SSH_KEY_FILE SSH_TTY STY SUDO_COMMAND SUDO_GID SUDO_UID SUDO_USER TEMP TERM
    TERMINFO TERM_PROGRAM TIMEFORMAT TMOUT TMP TMPDIR TMUX TMUX_PANE TZ UID USER USERNAME VENDOR VISUAL VTE_VERSION
    WAYLAND_DISPLAY WINDOWID WINDOWPATH XAUTHORITY XDG_CACHE_HOME XDG_CONFIG_DIRS XDG_CURRENT_DESKTOP XDG_DATA_DIRS
    XDG_RUNTIME_DIR XDG_SEAT XDG_SESSION_CLASS XDG_SESSION_ID XDG_SESSION_TYPE XDG_VTNR XMODIFIERS ZDOTDIR`,
  "a service of systemd": `
    CACHE_DIRECTORY CONFIGURATION_DIRECTORY CREDENTIALS_DIRECTORY FDSTORE INVOCATION_ID JOURNAL_STREAM LISTEN_FDNAMES
    LISTEN_FDS LISTEN_PID LOGS_DIRECTORY MAINPID MANAGERPID MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE NOTIFY_SOCKET
    REMOTE_ADDR REMOTE_PORT RUNTIME_DIRECTORY SERVICE_RESULT EXIT_CODE EXIT_STATUS STATE_DIRECTORY SYSTEMD_EXEC_PID
    TRIGGER_UNIT WATCHDOG_PID WATCHDOG_USEC`,
  "Deno, Node, Python and their tools": `
    CI_NODE_INDEX CONDA_DEFAULT_ENV CONDA_PREFIX DENO_AUTH_TOKENS DENO_CERT DENO_DIR DENO_INSTALL_ROOT DENO_KV_PATH_MODE
    DENO_NO_PACKAGE_JSON DENO_NO_PROMPT DENO_NO_UPDATE_CHECK DENO_SERVE_ADDRESS DENO_TLS_CA_STORE DENO_V8_FLAGS
    FORCE_COLOR GOPATH GOPROXY INIT_CWD JAVA_HOME LD_LIBRARY_PATH LD_PRELOAD MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_
    MALLOC_TRIM_THRESHOLD_ NODE NODE_ENV NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_PATH NO_COLOR NPM_CONFIG_REGISTRY NVM_DIR
    OTEL_EXPORTER_OTLP_ENDPOINT OTEL_LOG_LEVEL OTEL_METRICS_EXPORTER OTEL_SERVICE_NAME PIP_CERT PIP_INDEX_URL PYENV_ROOT
    PYTHONPATH PYTHONUNBUFFERED PYTHON_VERSION RUST_BACKTRACE RUST_LOG RUST_LOG_STYLE VIRTUAL_ENV npm_command
    npm_config_cache npm_config_global_prefix npm_config_local_prefix npm_config_loglevel npm_config_noproxy
    npm_config_registry npm_config_user_agent npm_config_userconfig npm_execpath npm_lifecycle_event npm_node_execpath
    npm_package_json npm_package_name npm_package_version`,
  "TLS, proxies and clouds": `
    ALL_PROXY AWS_ACCESS_KEY_ID AWS_CA_BUNDLE AWS_REGION AWS_SECRET_ACCESS_KEY AZURE_CLIENT_ID AZURE_CLIENT_SECRET
    AZURE_TENANT_ID CLIENT_ID CLIENT_SECRET CURL_CA_BUNDLE GIT_ASKPASS GIT_AUTHOR_NAME GIT_EDITOR GIT_SSL_CAINFO
    GOOGLE_APPLICATION_CREDENTIALS GRPC_DEFAULT_SSL_ROOTS_FILE_PATH HTTPLIB2_CA_CERTS HTTPS_PROXY HTTP_PROXY
    KUBECONFIG NIX_SSL_CERT_FILE NO_PROXY REQUESTS_CA_BUNDLE SECRET_KEY SSLKEYLOGFILE SSL_CERT_DIR SSL_CERT_FILE
    VAULT_ADDR VAULT_TOKEN http_proxy https_proxy no_proxy`,
  "containers and platforms": `
    API_KEY APP_ENV APP_PORT APP_URL CELERY_BROKER_URL COMPOSE_FILE COMPOSE_PROFILES COMPOSE_PROJECT_NAME CONTAINER
    CONTAINER_NAME DATABASE_URL DB_HOST DB_PASSWORD DB_PORT DB_USER DOCKER_CERT_PATH DOCKER_CONFIG DOCKER_HOST
    DOCKER_TLS_VERIFY DYNO GATEWAY_INTERFACE GATEWAY_KEY GATEWAY_URL HTTP_PORT JEEDOM_CALL_APIKEY
    KUBERNETES_PORT_443_TCP_ADDR KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS
    MQTT_PORT_1883_TCP_ADDR MQTT_PORT_1883_TCP_PORT MQTT_PORT_1883_TCP_PROTO MQTT_SERVICE_HOST MQTT_SERVICE_PORT
    E2E_GATEWAY_METRICS_SERVICE_HOST JEEDOM_SERVICE_HOST JEEDOM_SERVICE_PORT_HTTP METRICS_SERVICE_HOST
    METRICS_SERVICE_PORT MQTT_BROKER_PORT_1883_TCP MQTT_BROKER_PORT_1883_TCP_ADDR MQTT_BROKER_SERVICE_HOST
    MQTT_BROKER_SERVICE_PORT REPLAY_REDIS_SERVICE_HOST MYSQL_HOST MYSQL_PASSWORD PGID POSTGRES_PASSWORD POSTGRES_USER PUID REDIS_HOST REDIS_PORT REDIS_URL SERVER_NAME
    SERVER_PORT TS_AUTHKEY TS_HOSTNAME UMASK_SET VIRTUAL_HOST VIRTUAL_PORT WEB_CONCURRENCY container`,
  "continuous integration": `
    ACTIONS_CACHE_URL BUILD_NUMBER BUILD_URL CI CI_COMMIT_SHA CI_JOB_TOKEN CI_PROJECT_DIR CI_REGISTRY_PASSWORD
    CI_SERVER_HOST CI_SERVER_PORT CI_SERVER_TLS_CA_FILE CI_SERVER_URL DOCKER_TLS_CERTDIR E2E_BASE_URL GITHUB_ACTIONS
    GITHUB_API_URL GITHUB_ENV GITHUB_PATH GITHUB_REF GITHUB_SERVER_URL GITHUB_TOKEN GITLAB_CI JENKINS_URL JOB_NAME
    RUNNER_OS RUNNER_TEMP TRAVIS WORKSPACE`,
};

const suggestionsFor = (name: string, source: "environment" | ".env") => settingsLike(name, source).join(" or ");

Deno.test("settingsLike() finds the setting of a misspelt name, in .env and in the environment", () => {
  for (const [name, meant] of Object.entries(MISSPELT)) {
    assertEquals(suggestionsFor(name, ".env"), meant, `${name} in .env`);
    assertEquals(suggestionsFor(name, "environment"), meant, `${name} in the environment`);
  }
});

Deno.test("settingsLike() applies stricter rules to the environment than to .env", () => {
  for (const [name, meant] of Object.entries(MISSPELT_IN_FILE)) {
    assertEquals(suggestionsFor(name, ".env"), meant, `${name} in .env`);
    assertEquals(suggestionsFor(name, "environment"), "", `${name} in the environment`);
  }
});

Deno.test("settingsLike() finds each setting with two letters swapped, one left out, one too many, and in small letters", () => {
  for (const name of SETTING_NAMES.filter(({ length }) => length > 6)) {
    const at = name.length - 3;
    const [before, one, other, after] = [name.slice(0, at), name.charAt(at), name.charAt(at + 1), name.slice(at + 2)];
    const changed = [before + other + one + after, before + other + after, name + "X", name.toLowerCase()];
    for (const misspelt of changed.filter((text) => !SETTING_NAMES.includes(text))) {
      assertEquals(settingsLike(misspelt, "environment").includes(name), true, misspelt);
    }
  }
});

for (const [where, names] of Object.entries(ENVIRONMENTS)) {
  Deno.test(`findUnknownSettings() names nothing in the environment of ${where}`, () => {
    const variables = Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, "1"]));
    assertEquals(findUnknownSettings(variables, {}), []);
  });
}

Deno.test("findUnknownSettings() ignores the address of another container", () => {
  assertEquals(findUnknownSettings({ MQTT_PORT: "tcp://10.0.0.7:1883" }, {}), []);
  assertEquals(findUnknownSettings({ MQTT_PORT: "1883" }, {}).length, 1);
});

Deno.test("findUnknownSettings() ignores settings and empty values", () => {
  const right = Object.fromEntries(SETTING_NAMES.map((name) => [name, "1"]));
  assertEquals(findUnknownSettings(right, right), []);
  assertEquals(findUnknownSettings({ MQTT_HOST: "" }, { MQTT_USER: "", JEEDOM_API_KEY: undefined }), []);
});

Deno.test("findUnknownSettings() ignores former names of settings", () => {
  const former = { REPLAY_REDIS_URL: "redis://host", REPLAY_REDIS_TIMEOUT_MS: "1" };
  assertEquals(findUnknownSettings(former, former), []);
});

Deno.test("findUnknownSettings() lists every unknown name of .env but those of others, without any value", () => {
  const file = { MQTT_HOST: "secret-1", FOO: "secret-2", TS_AUTHKEY: "secret-3", COMPOSE_PROFILES: "secret-4" };
  const clients = { GATEWAY_URL: "secret-5", GATEWAY_KEY: "secret-6", JEEDOM_CALL_APIKEY: "secret-7" };
  assertEquals(findUnknownSettings({}, { ...file, ...clients, TZ: "UTC", HTTPS_PROXY: "x" }), [
    { name: "MQTT_HOST", source: ".env", suggestions: ["MQTT_BROKER_HOST"] },
    { name: "FOO", source: ".env", suggestions: [] },
  ]);
});

Deno.test("findUnknownSettings() returns a name of both sources once, and none that a terminal may interpret", () => {
  const both = { MQTT_HOST: "x" };
  assertEquals(findUnknownSettings(both, both).map(({ source }) => source), [".env"]);
  assertEquals(
    findUnknownSettings({ "MQTT_HOST\x1b[2J": "x", "MQTT HOST": "x", ["MQTT_HOST".repeat(9)]: "x" }, {}),
    [],
  );
});

Deno.test("describeUnknownSetting() says where the name is, and what may be meant", () => {
  assertEquals(
    describeUnknownSetting({ name: "MQTT_HOST", source: ".env", suggestions: ["A", "B", "C"] }),
    "MQTT_HOST in .env is not a setting: did you mean A, B or C?",
  );
  assertEquals(
    describeUnknownSetting({ name: "PROT", source: "environment", suggestions: ["PORT"] }),
    "PROT in the environment is not a setting: did you mean PORT?",
  );
});
