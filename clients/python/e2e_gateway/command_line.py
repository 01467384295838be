"""Command line of the client."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from .answer import Answer
from .client import GatewayClient
from .errors import GatewayError
from .secret_file import read_secret
from .settings import Settings
from .terminal import one_line, printable

#: Commands that end successfully by Ctrl-C, or when the reader closes.
LISTENING = ("subscribe", "events")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    listens = False
    try:
        try:
            options = _options(arguments)
            listens = options.command in LISTENING
            run: Callable[[argparse.Namespace], int] = options.run
            return run(options)
        finally:
            # Here, and not at the end of Python, which would print a traceback
            # for a failure. Without a standard output there is no stream.
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        return 0 if listens else 130
    except BrokenPipeError:
        _drop_output(sys.stdout, sys.stderr)
        return 0 if listens else 141
    except (GatewayError, ValueError) as error:
        return _fail(one_line(str(error)))
    except OSError as error:
        # Such as a full disk below the output.
        _drop_output(sys.stdout)
        return _fail(one_line(str(error)))
    except RecursionError:
        return _fail("Answer is nested too deeply to print")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line. A message may begin with a dash."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if options.command == "publish":
        if options.message is None and options.file is None:
            if unknown[:1] == ["--"]:
                unknown.pop(0)
            if unknown:
                options.message = unknown.pop(0)
        if (options.message is None) == (options.file is None):
            parser.error("publish takes either MESSAGE or --file FILE")
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="e2e_gateway",
        description="Client of the e2e-gateway.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url",
        help="address of the gateway; default: GATEWAY_URL, or this "
        "machine at PORT (10000)",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="file with the key; default: GATEWAY_KEY",
    )
    parser.add_argument(
        "--protocol",
        choices=("auto", "1", "2"),
        default="2",
        help="version of the protocol; default: 2; auto asks the gateway",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )
    _add_call(commands.add_parser("call", help="call a method of Jeedom"))
    _add_publish(
        commands.add_parser(
            # No -h: a message may begin like that.
            "publish", help="publish an MQTT message", add_help=False
        )
    )
    _add_subscribe(
        commands.add_parser(
            "subscribe", help="print MQTT messages until Ctrl-C"
        )
    )
    _add_events(
        commands.add_parser(
            "events", help="print Jeedom's events until Ctrl-C"
        )
    )
    health = commands.add_parser("health", help="ask whether the gateway runs")
    health.set_defaults(run=_health)
    usages = (
        # One line each: argparse would break them after 80 characters.
        " ".join(command.format_usage().split()[1:])
        for command in commands.choices.values()
    )
    parser.epilog = "\n".join(
        (
            *usages,
            "",
            "GATEWAY_URL, GATEWAY_KEY, JEEDOM_CALL_APIKEY, PORT, HOST and "
            "TLS_CERT_FILE are read",
            "from the environment, or else from .env in the working "
            "directory.",
        )
    )
    return parser


def _add_call(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "method", metavar="METHOD", help="such as datetime or jeeObject::full"
    )
    parser.add_argument(
        "params",
        metavar="JSON",
        nargs="?",
        default="{}",
        help="parameters, as one JSON object",
    )
    _add_apikey(parser)
    parser.set_defaults(run=_call)


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("message", metavar="MESSAGE", nargs="?")
    parser.add_argument("--help", action="help", help="show this help")
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="publish the bytes of a file instead of MESSAGE",
    )
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument(
        "--retain",
        action="store_true",
        help="retain the message for later subscribers",
    )
    parser.set_defaults(run=_publish)


def _add_subscribe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "topics",
        metavar="FILTER",
        nargs="+",
        help="such as home/+/temperature or home/#",
    )
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument(
        "--once",
        action="store_true",
        help="exit when the stream ends, instead of reconnecting",
    )
    parser.set_defaults(run=_subscribe)


def _add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        type=float,
        metavar="SECONDS",
        help="begin after this time of Jeedom's clock; default: now",
    )
    _add_apikey(parser)
    parser.set_defaults(run=_events)


def _add_apikey(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--apikey-file",
        metavar="FILE",
        help="file with Jeedom's API key, where the gateway has none; "
        "default: JEEDOM_CALL_APIKEY",
    )
    ways.add_argument(
        "--apikey",
        metavar="KEY",
        help="the API key itself, which other users of this machine can read",
    )


def _client(options: argparse.Namespace) -> GatewayClient:
    settings = Settings()
    if options.key_file is not None:
        key = read_secret(options.key_file, "Key file")
    else:
        key = settings.get("GATEWAY_KEY")
    if not key:
        raise ValueError("No key: give --key-file, or set GATEWAY_KEY")
    version = options.protocol
    return GatewayClient(
        options.url or settings.gateway_url(),
        key,
        protocol=version if version == "auto" else int(version),
    )


def _apikey(options: argparse.Namespace) -> str | None:
    if options.apikey_file is not None:
        return read_secret(options.apikey_file, "API key file")
    if options.apikey is not None:
        print(
            "Warning: other users of this machine can read --apikey: use "
            "--apikey-file or JEEDOM_CALL_APIKEY",
            file=sys.stderr,
        )
        return str(options.apikey)
    return Settings().get("JEEDOM_CALL_APIKEY") or None


def _call(options: argparse.Namespace) -> int:
    try:
        params = json.loads(options.params)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Parameters are not JSON: {error}") from None
    if not isinstance(params, dict):
        raise ValueError("Parameters must be one JSON object")
    client = _client(options)
    answer = client.call_jeedom(options.method, params, _apikey(options))
    return _print_answer(answer)


def _publish(options: argparse.Namespace) -> int:
    client = _client(options)
    message: str | bytes = options.message
    if options.file is not None:
        with open(options.file, "rb") as file:
            message = file.read()
    answer = client.publish(
        options.topic, message, options.qos, options.retain
    )
    return _print_answer(answer)


def _subscribe(options: argparse.Namespace) -> int:
    events = _client(options).subscribe(
        options.topics,
        options.qos,
        keep=not options.once,
        resume=not options.once,
    )
    for event in events:
        if event["type"] == "message":
            payload = event["payload"]
            text = event["payload_b64"] if payload is None else payload
            print(one_line(f"{event['topic']} {text}"), flush=True)
        else:
            line = one_line(f"{event['type']}: {event.get('message')}")
            print(line, file=sys.stderr, flush=True)
    return 1


def _events(options: argparse.Namespace) -> int:
    events = _client(options).jeedom_events(
        options.since, apikey=_apikey(options)
    )
    for event in events:
        print(printable(json.dumps(event, ensure_ascii=False)), flush=True)
    return 1


def _health(options: argparse.Namespace) -> int:
    # A health check is not sealed, so any key works.
    url = options.url or Settings().gateway_url()
    health = GatewayClient(url, "0" * 64).health()
    print(one_line(f"{health['status']} {health['version']}"))
    return 0


def _print_answer(answer: Answer) -> int:
    text = answer.body
    if not isinstance(text, str):
        text = json.dumps(text, indent=2, ensure_ascii=False)
    if answer.status != 200:
        return _fail(f"{answer.status} {text}")
    print(printable(text))
    return 0


def _drop_output(*streams: TextIO | None) -> None:
    """Discard buffered output: Python writes it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:
            os.dup2(null, stream.fileno())


def _fail(reason: str) -> int:
    print(printable(reason), file=sys.stderr)
    return 1
