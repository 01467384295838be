"""Runs one command of the Python client; prints the results as JSON.

See ../client_program.ts.
"""

import base64
import json
import os
import signal
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from check_vectors import check_vectors
from e2e_gateway import (
    Answer,
    GatewayClient,
    GatewayError,
    HttpAnswer,
    InfluxResult,
    backoff,
    jeedom_events,
    pair,
)


def show(line):
    # In one write: threads print at the same time.
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def show_failure(error):
    line = {
        "failure": type(error).__name__,
        "code": getattr(error, "code", None),
        "status": getattr(error, "status", None),
        "message": getattr(error, "message", str(error)),
        "retryAfter": getattr(error, "retry_after", None),
        "gatewayCode": getattr(error, "gateway_code", None),
        "isSealed": getattr(error, "is_sealed", None),
    }
    if hasattr(error, "gateway_time"):
        line["timestamp"] = error.gateway_time
    show(line)


def wait(tries):
    seconds = backoff(tries)
    show({"backoff": tries, "seconds": seconds})
    return seconds * float(os.environ.get("CLIENT_BACKOFF_FACTOR", "1"))


def show_result(act):
    try:
        answer = act()
    except (GatewayError, OSError, ValueError) as error:
        show_failure(error)
    else:
        show(vars(answer))


def call(client, args):
    choices = {"compress": os.environ.get("CLIENT_COMPRESS")}
    for method, params in zip(args[::2], args[1::2]):
        show_result(
            lambda: client.call_jeedom(method, json.loads(params), **choices)
        )


SERVICES = {
    "call": lambda client, args: client.call(args["service"], args["fields"]),
    "device": lambda client, args: client.device(),
    "forget": lambda client, args: client.forget() or {},
    "action": lambda client, args: client.action(**args),
    "actions": lambda client, args: asdict(client.actions()),
    "http": lambda client, args: client.http(**args),
    "homeAssistant": lambda client, args: client.home_assistant(
        args["call"],
        target=args.get("target"),
        data=args.get("data"),
        return_response=args.get("returnResponse", False),
    ),
    "homeAssistantStates": lambda client, args: client.home_assistant_states(
        args["globs"]
    ),
    "homeAssistantState": lambda client, args: client.home_assistant_state(
        args["entity"]
    ),
    "homeAssistantHistory": lambda client, args: (
        client.home_assistant_history(**args)
    ),
    "homeAssistantCamera": lambda client, args: client.home_assistant_camera(
        args["entity"]
    ),
    "push": lambda client, args: client.push(),
    "pushSubscribe": lambda client, args: client.push_subscribe(**args),
    "pushUnsubscribe": lambda client, args: client.push_unsubscribe(
        args["id"]
    ),
    "pushTest": lambda client, args: client.push_test(args["id"]),
    "pushSetRule": lambda client, args: client.push_set_rule(args["rule"]),
    "pushRemoveRule": lambda client, args: client.push_remove_rule(
        args["name"]
    ),
    "pushAlerts": lambda client, args: client.push_alerts(**args),
    "influx": lambda client, args: client.influx(**args),
    "influxWrite": lambda client, args: client.influx_write(**args),
}


def service(client, args):
    for name, arguments in zip(args[::2], args[1::2]):
        try:
            result = SERVICES[name](client, json.loads(arguments))
        except (GatewayError, OSError, ValueError) as error:
            show_failure(error)
        else:
            show({"result": plain(result)})


def plain(result):
    if isinstance(result, bytes):
        return base64.b64encode(result).decode()
    if isinstance(result, HttpAnswer):
        content = result.content
        return {
            "status": result.status,
            "body": result.body,
            "headers": result.headers,
            "contentType": result.content_type,
            "bytes": None if content is None else plain(content),
        }
    if isinstance(result, (Answer, InfluxResult)):
        fields = dict(vars(result))
        fields.pop("timestamp", None)
        return fields
    return result


def together(client, count, method):
    with ThreadPoolExecutor(count) as pool:
        for _ in range(count):
            pool.submit(show_result, lambda: client.call_jeedom(method))
    show({"protocol": client.protocol})


def publish(client, topic, message, qos, retain, coding="text"):
    if coding == "base64":
        message = base64.b64decode(message)
    show_result(
        lambda: client.publish(topic, message, int(qos), retain == "true")
    )


def listen(events, count, is_counted):
    seen = 0
    try:
        for event in events:
            show(event)
            seen += is_counted(event)
            if seen == count > 0:
                events.close()
    except KeyboardInterrupt:
        pass
    except (GatewayError, OSError) as error:
        show_failure(error)
        return
    show({"end": True})


def subscribe(client, count, choices, topics):
    times = choices.pop("times", 1)
    if "silence" in choices:
        choices["timeout"] = choices.pop("silence")
    service = choices.pop("service", None)
    fields = choices.pop("fields", None)
    entities = choices.pop("entities", False)
    for _ in range(times):
        if service is not None:
            events = client.subscribe_to(service, fields, **choices)
        elif entities:
            events = client.subscribe_entities(topics, **choices)
        else:
            events = client.subscribe(topics, qos=1, **choices)
        listen(events, count, lambda event: event["type"] == "message")


def events(client, count, choices):
    factor = float(os.environ.get("CLIENT_MONOTONIC_FACTOR", "1"))
    jeedom_events.time = types.SimpleNamespace(
        monotonic=lambda: factor * time.monotonic(), sleep=time.sleep
    )
    if "longPolling" in choices:
        choices["long_polling"] = choices.pop("longPolling")
    listen(client.jeedom_events(**choices), count, lambda event: True)


def pair_all(label, *links):
    for link in links:
        show_result(lambda: pair(link, label or None, clock=clock))


def run(client, command, rest):
    if command == "pair":
        pair_all(*rest)
    elif command == "health":
        show(client.health())
    elif command == "call":
        call(client, rest)
    elif command == "service":
        service(client, rest)
    elif command == "together":
        together(client, int(rest[0]), rest[1])
    elif command == "publish":
        publish(client, *rest)
    elif command == "subscribe":
        subscribe(client, int(rest[0]), json.loads(rest[1]), rest[2:])
    elif command == "events":
        events(client, int(rest[0]), json.loads(rest[1]))
    elif command == "backoff":
        for tries in rest:
            wait(int(tries))
    elif command == "vectors":
        show({"vectors": check_vectors(rest[0])})
    else:
        raise ValueError(f'Unknown command: "{command}"')


def read_commands():
    # The only command is to close, which in one thread is Ctrl-C.
    for _ in sys.stdin:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


url, key, command, *rest = sys.argv[1:]
clock_offset = float(os.environ.get("CLIENT_CLOCK_OFFSET", "0"))
protocol = os.environ.get("CLIENT_PROTOCOL", "auto")


def clock():
    return time.time() + clock_offset


commands = threading.Thread(target=read_commands)
commands.start()
try:
    # Referenced until the end: the garbage collector must not close it.
    client = GatewayClient(
        url,
        key,
        timeout=float(os.environ.get("CLIENT_TIMEOUT", "40")),
        clock=clock,
        backoff=wait,
        protocol=protocol if protocol == "auto" else int(protocol),
        key_name=os.environ.get("CLIENT_KEY_NAME"),
    )
    run(client, command, rest)
except (GatewayError, OSError, ValueError) as error:
    show_failure(error)
# The client closes connections, not the end of the process: time for the test
# to check that.
commands.join()
