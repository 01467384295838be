"""Checks the frozen test vectors with the Python client's own functions.

What only a gateway opens, the requests, is opened here: with the client's
keys and contexts.
"""

import json
import re

from e2e_gateway.errors import TamperedError
from e2e_gateway.protocol import (
    EnvelopeError,
    ExchangeV1,
    ExchangeV2,
    Key,
    seal_request_v1,
    seal_request_v2,
    _decode_base64url,
    _decrypt,
)
from e2e_gateway.stream import read_events


def check_vectors(path):
    """Check all vectors in a file, and return their number.

    :raises ValueError: if one does not agree, naming it
    """
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    key = Key(vectors["key"])
    _require(key.kid == vectors["kid"], "kid")
    return _check_v1(key, vectors["v1"]) + _check_v2(key, vectors["v2"])


def _check_v1(key, vectors):
    checked = 0
    good = ("requests", "answers", "events")
    for vector in _of(vectors, *good, "accepted"):
        opened = ExchangeV1(key).open_answer(vector["envelope"].encode())
        _require(opened == vector["plaintext"], vector["name"])
        checked += 1
    for vector in _of(vectors, *good):
        nonce = bytes.fromhex(vector["nonce"])
        text, _ = seal_request_v1(key, vector["plaintext"].encode(), nonce)
        _require(text == vector["envelope"].encode(), vector["name"])
    for vector in vectors["refused"]:
        text = vector["envelope"].encode()
        _refuse(vector, lambda: ExchangeV1(key).open_answer(text))
        checked += 1
    return checked


def _check_v2(key, vectors):
    for vector in vectors["requests"]:
        salt = bytes.fromhex(vector["salt"])
        plaintext = vector["plaintext"]
        text, _ = seal_request_v2(
            key, plaintext.encode(), vector["route"], salt
        )
        _require(text.decode() == vector["text"], vector["name"])
        opened = _open_request(key, vector)
        _require(opened == plaintext, vector["name"])
    for vector in vectors["answers"]:
        answer = _exchange(key, vector).open_answer(vector["text"].encode())
        _require(answer == vector["plaintext"], vector["name"])
        context = key.context("response", vector["route"])
        _require(context.decode() == vector["additionalData"], "context")
    for vector in vectors["streams"]:
        plaintexts = [event["plaintext"] for event in vector["events"]]
        _require(_open_stream(key, vector) == plaintexts, vector["name"])
    for vector in vectors["batches"]:
        events = [json.loads(event) for event in vector["events"]]
        _require(read_events(vector["plaintext"]) == events, vector["name"])
    refused = vectors["refused"]
    for vector in refused["requests"]:
        _refuse(vector, lambda: _open_request(key, vector))
    for vector in refused["answers"]:
        text = vector["text"].encode()
        _refuse(vector, lambda: _exchange(key, vector).open_answer(text))
    for vector in refused["streams"]:
        *good, bad = vector["events"]
        _open_stream(key, {**vector, "events": good})
        _refuse(vector, lambda: _open_stream(key, vector))
    for vector in refused["batches"]:
        _refuse(vector, lambda: read_events(vector["plaintext"]))
    lists = [*_of(vectors, "requests", "answers", "streams", "batches")]
    return len(lists) + len([*_of(refused, *refused)])


def _of(vectors, *names):
    for name in names:
        yield from vectors[name]


def _exchange(key, vector):
    salt = bytes.fromhex(vector["requestSalt"])
    return ExchangeV2(key, vector.get("route", "/mqtt/subscribe"), salt)


def _open_request(key, vector):
    parts = re.fullmatch(r"2\.([0-9a-f]{16})\.([^.]*)", vector["text"])
    if parts is None or parts[1] != key.kid:
        raise EnvelopeError
    envelope = _decode_base64url(parts[2].encode())
    if len(envelope) < 32:
        raise EnvelopeError
    aead = key.message_key("request", envelope[:16])
    context = key.context("request", vector["route"])
    return _decrypt(aead, bytes(12), envelope[16:], context)


def _open_stream(key, vector):
    stream = _exchange(key, vector).open_stream(vector["opening"].encode())
    return [
        stream.open(event["id"].encode(), event["data"].encode())
        for event in vector["events"]
    ]


def _refuse(vector, act):
    try:
        act()
    except (EnvelopeError, TamperedError):
        return
    raise ValueError(f'Vector was not refused: "{vector["name"]}"')


def _require(agrees, name):
    if not agrees:
        raise ValueError(f'Vector does not agree: "{name}"')
