"""Public points of the elliptic curve P-256."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: Length of a point in its uncompressed form, and the first byte of that.
POINT_BYTES = 65
UNCOMPRESSED = 4


def point_of(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public point of a key, in its uncompressed form."""
    return private_key.public_key().public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )


def read_point(point: bytes) -> ec.EllipticCurvePublicKey:
    """Read a point in its uncompressed form.

    :raises ValueError: if it has another one, or is not on the curve
    """
    # The library accepts the compressed form, too.
    if len(point) != POINT_BYTES or point[0] != UNCOMPRESSED:
        raise ValueError("Public point is malformed")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
