"""SCRAM-SHA-256 verifiers (RFC 5803) as PostgreSQL stores them, so that a password never travels."""

import hashlib
import hmac
import os
from base64 import b64encode

ITERATIONS = 4096  # PostgreSQL's own; the passwords are random, so that more would only cost time at each login


def verifier(password: str, salt: bytes | None = None) -> str:
    """What `ALTER ROLE … PASSWORD` takes in place of the password, which must be ASCII."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(value: bytes) -> str:
    return b64encode(value).decode()
