"""The connection to NATS: over TLS where a URL asks for it, and then no login before it is encrypted."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nats.aio.client import Client, Srv
from nats.aio.transport import TcpTransport
from nats.errors import Error

from libs.common.left_out import left_out
from libs.common.tls import asks_for_tls, context_of, servers_in, without_tls_files

with left_out("uvicorn"):  # of applications that FastStream serves itself
    from faststream.nats import NatsBroker, NatsMessage

__all__ = ["Broker", "NatsMessage", "connect"]

_NOT_PERMITTED = "permissions violation"


class _Client(Client):
    """NATS' client encrypts where the server wants it to, whatever the URL asks for: a server that wants less would get the password."""

    def _connect_command(self) -> bytes:
        if self._current_server is not None and self._current_server.uri.scheme == "tls" and not self._is_encrypted():
            raise Error("the URL asks for TLS (tls://), and the server offers none")
        return super()._connect_command()

    async def _connect_to_server(self, s: Srv) -> None:
        """NATS' client would open the next connection over one whose server did not answer the login, and leave that one open."""
        self.abandon()
        await super()._connect_to_server(s)

    async def _process_err(self, err_msg: str) -> None:
        """A server that ends a connection with an error, such as one that is stopping: another may take us, or the same one later.

        NATS' client would be closed for good then, and say so to nobody. What a login may not do ends no connection.
        """
        if _NOT_PERMITTED in err_msg.lower() or not self.is_connected:
            await super()._process_err(err_msg)
            return
        error = Error(f"nats: {err_msg}")
        await self._error_cb(error)
        await self._process_op_err(error)

    def abandon(self) -> None:
        """Let go of a connection that did not come about: the client itself leaves it open. Nothing where it is closed already."""
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]

    def _is_encrypted(self) -> bool:
        transport = self._transport
        if not isinstance(transport, TcpTransport) or transport._io_writer is None:
            return False
        return transport._io_writer.get_extra_info("ssl_object") is not None


async def connect(nats_url: str, **options: Any) -> Client:
    """A connection to the server, or to one of the cluster, whose URLs have commas between. Raises what nats raises: OSError, Error."""
    files = [without_tls_files(url)[1] for url in servers_in(nats_url) if asks_for_tls(url)]
    if files:
        options["tls"] = context_of(files[0])  # the client has one for all
    servers, login = _without_login(_bare(nats_url))
    client = _Client()
    try:
        await client.connect(servers, **{**options, **login})
    except BaseException:  # a cancellation, too
        client.abandon()
        raise
    return client


def _bare(nats_url: str) -> list[str]:
    """The servers' URLs, without what is for `connect` alone."""
    return [without_tls_files(url)[0] for url in servers_in(nats_url)]


def _without_login(urls: list[str]) -> tuple[list[str], dict[str, str]]:
    """The servers of a cluster, and the login to all of them. As they are where they have several logins, or none.

    A server names the others without a login. Those that the client knows with one in their URL would count as different, and be asked
    without any.
    """
    logins = {urlsplit(url).netloc.rpartition("@")[0] for url in urls}
    login = logins.pop()
    if logins or not login:
        return urls, {}
    bare = [urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) for parts in map(urlsplit, urls)]
    user, colon, password = login.partition(":")
    return bare, {"user": user, "password": password} if colon else {"token": user}


class Broker(NatsBroker):
    """FastStream's broker, on a connection of ours."""

    def __init__(self, nats_url: str, **options: Any) -> None:
        super().__init__(_bare(nats_url), **options)
        self._nats_url = nats_url

    async def _connect(self) -> Client:
        options = {name: value for name, value in self._connection_kwargs.items() if name != "servers"}
        connection = await connect(self._nats_url, **options)
        self.config.connect(connection)
        return connection
