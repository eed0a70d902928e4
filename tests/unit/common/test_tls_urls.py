"""Which URL of a server asks for TLS, and the files that go with it."""

import ssl
from pathlib import Path

import pytest

from libs.common.tls import TlsFiles, asks_for_tls, context_of, servers_in, with_tls_files, without_tls_files
from tests.support.certificates import Authority

FILES = TlsFiles(Path("/tls/ca.pem"), Path("/tls/ours.pem"), Path("/tls/ours.key"))
CA = TlsFiles(Path("/tls/ca.pem"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ann@db/crm?sslmode=require", True),
        ("postgres://ann@db/crm?sslmode=verify-ca", True),
        ("postgresql://ann@db/crm?application_name=crm&sslmode=verify-full", True),
        ("postgresql://ann@db/crm?sslmode=prefer", False),
        ("postgresql://ann@db/crm?sslmode=", False),
        ("postgresql://ann@db/crm", False),
        ("tls://bus:4222", True),
        ("tls://bus:4222, tls://bus-2:4222", True),
        ("tls://bus:4222,nats://bus-2:4222", False),
        ("wss://bus:443", True),
        ("ws://bus:80", False),
        ("nats://bus:4222", False),
        ("rediss://cache:6379/0", True),
        ("redis://cache:6379/0", False),
        ("unix:///run/valkey.sock", False),
        ("", False),
    ],
)
def test_a_url_asks_for_tls_in_the_words_of_its_server(url: str, expected: bool) -> None:
    assert asks_for_tls(url) is expected


@pytest.mark.parametrize(
    ("url", "files", "expected"),
    [
        (
            "postgresql://ann:p%40w@db/crm?sslmode=verify-full",
            FILES,
            "postgresql://ann:p%40w@db/crm?sslrootcert=/tls/ca.pem&sslcert=/tls/ours.pem&sslkey=/tls/ours.key&sslmode=verify-full",
        ),
        (
            "postgresql://ann@db/crm?sslmode=verify-full&sslrootcert=/etc/db.pem",
            CA,
            "postgresql://ann@db/crm?sslrootcert=/etc/db.pem&sslmode=verify-full",
        ),
        ("rediss://:pw@cache:1/0", CA, "rediss://:pw@cache:1/0?ssl_ca_certs=/tls/ca.pem"),
        (
            "rediss://:pw@cache:1/0",
            FILES,
            "rediss://:pw@cache:1/0?ssl_ca_certs=/tls/ca.pem&ssl_certfile=/tls/ours.pem&ssl_keyfile=/tls/ours.key",
        ),
        ("tls://a:1, nats://b:2", CA, "tls://a:1?tls_ca=/tls/ca.pem,nats://b:2"),
        ("wss://a:1", CA, "wss://a:1?tls_ca=/tls/ca.pem"),
        ("tls://a:1", TlsFiles(), "tls://a:1"),
        ("nats://a:1", FILES, "nats://a:1"),
        ("postgresql://a,b/crm?target_session_attrs=any", FILES, "postgresql://a,b/crm?target_session_attrs=any"),
        ("", FILES, ""),
    ],
)
def test_a_url_that_asks_is_given_the_files_that_it_does_not_name_and_again_it_stays(
    url: str, files: TlsFiles, expected: str
) -> None:
    assert with_tls_files(url, files) == expected
    assert with_tls_files(expected, files) == expected


def test_a_url_of_nats_goes_to_its_client_without_the_files() -> None:
    assert without_tls_files(with_tls_files("tls://u:p@bus:1", FILES)) == ("tls://u:p@bus:1", FILES)
    assert without_tls_files("tls://bus:1?x=&tls_ca=/ca") == ("tls://bus:1?x=", TlsFiles(Path("/ca")))
    assert without_tls_files("nats://bus:1") == ("nats://bus:1", TlsFiles())


def test_a_cluster_of_nats_is_several_urls_and_no_other_server_is() -> None:
    for scheme in ("nats", "tls", "ws", "wss"):
        assert servers_in(f"{scheme}://a:1, {scheme}://b:2") == [f"{scheme}://a:1", f"{scheme}://b:2"]
    assert servers_in("postgresql://a:1,b:2/crm") == ["postgresql://a:1,b:2/crm"]


def test_a_context_verifies_the_name_and_trusts_the_ca_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = context_of(TlsFiles(authority.certificate))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert [dict(part[0] for part in found["subject"])["commonName"] for found in context.get_ca_certs()] == [
        "the CA ours"
    ]
    client = authority.issue("client")
    context_of(TlsFiles(authority.certificate, client.certificate, client.key))
    with pytest.raises(ssl.SSLError):
        context_of(TlsFiles(None, client.certificate, authority.issue("other").key))
