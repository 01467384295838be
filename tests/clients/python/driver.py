"""Runs one command of e2e_gateway.py; prints what comes of it as JSON lines.

See ../client_program.ts.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
import time

from e2e_gateway import GatewayClient, GatewayError, backoff


def show(line):
    print(json.dumps(line), flush=True)


def wait(tries):
    seconds = backoff(tries)
    show({"backoff": tries, "seconds": seconds})
    return seconds * float(os.environ.get("CLIENT_BACKOFF_FACTOR", "1"))


def subscribe(client, count, choices, topics):
    events = client.subscribe(topics, qos=1, **choices)
    messages = 0
    try:
        for event in events:
            show(event)
            messages += event["type"] == "message"
            if messages == count > 0:
                events.close()
    except KeyboardInterrupt:
        pass
    show({"end": True})


def run(client, command, rest):
    if command == "health":
        show(client.health())
    elif command == "call":
        show(
            dataclasses.asdict(
                client.call_jeedom(rest[0], json.loads(rest[1]))
            )
        )
    elif command == "publish":
        topic, message, qos, retain = rest
        show(
            dataclasses.asdict(
                client.publish(topic, message, int(qos), retain == "true")
            )
        )
    elif command == "subscribe":
        subscribe(client, int(rest[0]), json.loads(rest[1]), rest[2:])
    elif command == "backoff":
        for tries in rest:
            wait(int(tries))


def obey():
    # The only order is to close, which in one thread is Ctrl-C.
    for _ in sys.stdin:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


url, key, command, *rest = sys.argv[1:]
late = float(os.environ.get("CLIENT_CLOCK_OFFSET", "0"))
orders = threading.Thread(target=obey)
orders.start()
try:
    # Lives until the end: what it leaves open, no garbage collector closes.
    client = GatewayClient(
        url, key, clock=lambda: time.time() + late, backoff=wait
    )
    run(client, command, rest)
except (GatewayError, OSError, ValueError) as error:
    status = getattr(error, "status", None)
    message = getattr(error, "message", str(error))
    show(
        {"failure": type(error).__name__, "status": status, "message": message}
    )
# The client closes connections, not its end: time for the test to see that.
orders.join()
