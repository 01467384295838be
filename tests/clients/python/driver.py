"""Runs one command of e2e_gateway.py; prints what comes of it as JSON lines.

See ../client_suite.ts.
"""

import dataclasses
import json
import os
import sys
import time

from e2e_gateway import GatewayClient, GatewayError


def show(line):
    print(json.dumps(line), flush=True)


def subscribe(client, count, topics):
    events = client.subscribe(topics, qos=1)
    messages = 0
    for event in events:
        show(event)
        messages += event["type"] == "message"
        if messages == count > 0:
            events.close()
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
        subscribe(client, int(rest[0]), rest[1:])


url, key, command, *rest = sys.argv[1:]
late = float(os.environ.get("CLIENT_CLOCK_OFFSET", "0"))
try:
    # Lives until the end: what it leaves open, no garbage collector closes.
    client = GatewayClient(url, key, clock=lambda: time.time() + late)
    run(client, command, rest)
except (GatewayError, OSError, ValueError) as error:
    status = getattr(error, "status", None)
    message = getattr(error, "message", str(error))
    show(
        {"failure": type(error).__name__, "status": status, "message": message}
    )
# The client closes connections, not its end: time for the test to see that.
sys.stdin.read()
