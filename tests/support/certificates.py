"""Certificates of a CA that a test makes: of servers, of clients, of a stranger."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A CA of its own; `certificate` is what those need who trust it."""

    def __init__(self, folder: Path, name: str = "ours") -> None:
        self.folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(f"the CA {name}")
        limits = x509.BasicConstraints(ca=True, path_length=0)
        made = _built(self._subject, self._subject, self._key).add_extension(limits, critical=True)
        self.certificate = _written(folder / f"{name}.ca.pem", made.sign(self._key, SHA256()))

    def issue(self, host: str) -> Issued:
        """For a host's name: what a server shows to clients, or a client to servers."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = _built(_name(host), self._subject, key).add_extension(names, critical=False)
        stem = f"{self._name}.{host}"
        private = self.folder / f"{stem}.key.pem"
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Issued(_written(self.folder / f"{stem}.pem", made.sign(self._key, SHA256())), private)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _built(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _written(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path
