"""Checks the frozen test vectors with the Python client's own functions.

What only a gateway opens, the requests, is opened here: with the client's
keys and contexts.
"""

import json
import re

from cryptography.hazmat.primitives.asymmetric import ec
from e2e_gateway.errors import TamperedError
from e2e_gateway.pairing_exchange import (
    EphemeralKey,
    derive_pairing_key,
    parse_pairing_link,
)
from e2e_gateway.push_receiver import PushReceiver, decrypt_push
from e2e_gateway.protocol import (
    EnvelopeError,
    ExchangeV1,
    ExchangeV2,
    Key,
    seal_request_v1,
    seal_request_v2,
    decode_base64url,
    encode_base64url,
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
    return (
        _check_v1(key, vectors["v1"])
        + _check_v2(key, vectors["v2"])
        + _check_push(vectors["push"])
    )


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
    links = _check_pairing(vectors["pairing"], vectors["refused"])
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
    return len(lists) + links + len([*_of(refused, *refused)])


def _check_pairing(vector, refused):
    for link in vector["links"]:
        parsed = parse_pairing_link(link["link"])
        _require(parsed.url == link["url"], "address of a link")
        _require(parsed.code.hex() == vector["code"], "code of a link")
        _require(link["code"] not in repr(parsed), "a shown code")
    pairing_key = derive_pairing_key(bytes.fromhex(vector["code"]))
    _require(pairing_key.hex() == vector["pairingKey"], "pairing key")
    key = Key(pairing_key.hex())
    _require(key.kid == vector["kid"], "kid of the pairing key")
    request, answer = vector["request"], vector["answer"]
    salt = bytes.fromhex(request["salt"])
    plaintext = request["plaintext"].encode()
    text, exchange = seal_request_v2(key, plaintext, request["route"], salt)
    _require(text.decode() == request["text"], "pairing request")
    opened = exchange.open_answer(answer["text"].encode())
    _require(opened == answer["plaintext"], "answer to a pairing request")
    device, gateway = _side(vector["device"]), _side(vector["gateway"])
    for own, other in ((device, gateway), (gateway, device)):
        device_key = own.device_key(other.public, pairing_key, salt).hex()
        _require(device_key == vector["deviceKey"], "device key")
    _require(Key(device_key).kid == vector["deviceKid"], "device kid")
    for point in refused["points"]:
        _refuse_value(
            point,
            lambda: device.device_key(point["public"], pairing_key, salt),
        )
    for link in refused["links"]:
        _refuse_value(link, lambda: parse_pairing_link(link["link"]))
    return len(vector["links"])


def _check_push(vectors):
    parts = [vectors["receiver"][name] for name in ("privateKey", "public", "auth")]
    stored = b"".join(decode_base64url(part.encode()) for part in parts)
    exported = encode_base64url(stored).decode()
    receiver = PushReceiver.parse(exported)
    _require(receiver.export() == exported, "an exported receiver")
    _check_changed_push(receiver, vectors["messages"][0]["body"])
    _require([receiver.p256dh, receiver.auth] == parts[1:], "public parts")
    for vector in vectors["messages"]:
        text = decrypt_push(decode_base64url(vector["body"].encode()), receiver)
        _require(text == vector["text"], vector["name"])
    messages = set()
    for vector in vectors["refused"]:
        body = decode_base64url(vector["body"].encode())
        try:
            decrypt_push(body, receiver)
        except TamperedError as error:
            messages.add(str(error))
        else:
            raise ValueError(f'Vector was not refused: "{vector["name"]}"')
    _require(messages == {"Push message does not open"}, "one error")
    _check_receivers(stored, receiver)
    return len([*_of(vectors, "messages", "refused")])


def _check_changed_push(receiver, body):
    """Check that each part and each changed byte of a message is refused."""
    whole = decode_base64url(body.encode())
    changed = [whole[:end] for end in range(len(whole))]
    for index, byte in enumerate(whole):
        # The size of records may be a larger one, as nothing signs it.
        if not 16 <= index < 20:
            start, rest = whole[:index], whole[index + 1 :]
            changed.append(start + bytes([byte ^ 1]) + rest)
    for one in changed:
        try:
            decrypt_push(one, receiver)
        except TamperedError:
            continue
        raise ValueError(f"A changed push message was not refused: {one!r}")


def _check_receivers(stored, receiver):
    made = PushReceiver.generate()
    again = PushReceiver.parse(made.export())
    _require(again.export() == made.export(), "a generated receiver")
    _require(made.p256dh != receiver.p256dh, "a new key pair")
    _require(receiver.auth not in repr(receiver), "a shown receiver")
    wrong = [
        stored[:-1],
        stored + b"\0",
        bytes(32) + stored[32:],
        b"\xff" * 32 + stored[32:],
        stored[:32] + bytes(65) + stored[97:],
        stored[:33] + stored[34:98] + stored[97:],
        b"",
    ]
    for text in [*(encode_base64url(one).decode() for one in wrong), "é", "="]:
        try:
            PushReceiver.parse(text)
        except ValueError as error:
            _require(text == "" or text not in str(error), "a quoted receiver")
        else:
            raise ValueError("Receiver was not refused")


def _side(vector):
    scalar = decode_base64url(vector["privateKey"].encode())
    private_key = ec.derive_private_key(
        int.from_bytes(scalar, "big"), ec.SECP256R1()
    )
    side = EphemeralKey(private_key)
    _require(side.public == vector["public"], "public point")
    return side


def _refuse_value(vector, act):
    try:
        act()
    except ValueError as error:
        _require("AAECAwQF" not in str(error), f"a quoted {vector['name']}")
        return
    raise ValueError(f'Vector was not refused: "{vector["name"]}"')


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
    envelope = decode_base64url(parts[2].encode())
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
