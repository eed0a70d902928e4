"""The verifier, compared with the example exchange of RFC 7677."""

import hashlib
import hmac
from base64 import b64decode

from libs.local.scram import verifier


def test_it_is_what_rfc_7677_computes_for_its_example() -> None:
    """User `user`, password `pencil`: the server's signature there is made with this ServerKey."""
    text = verifier("pencil", b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    kind, salted, keys = text.split("$")
    assert (kind, salted) == ("SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ==")
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    stored_key, server_key = (b64decode(key) for key in keys.split(":"))
    assert hmac.digest(server_key, message, "sha256") == b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    signature = hmac.digest(stored_key, message, "sha256")
    proof = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(signature, proof, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key


def test_two_verifiers_of_the_same_password_have_different_salts() -> None:
    assert verifier("pencil") != verifier("pencil")
