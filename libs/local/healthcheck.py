"""`python -m libs.local.healthcheck`: whether the service of this container is ready. Docker asks every ten seconds: it imports little."""

import os
import socket
import sys

TIMEOUT_SECONDS = 4.0


def main() -> int:
    """The exit code. What the service reports, or why it can't be asked, is printed: the container's state shows it."""
    try:
        ready, report = ask(int(os.environ["PINGCRM_HEALTH_PORT"]))
    except OSError as error:
        ready, report = False, str(error)
    print(report)
    return 0 if ready else 1


def ask(port: int) -> tuple[bool, str]:
    """Whether it is ready, and what it reports. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
        response = b""
        while piece := connection.recv(65536):
            response += piece
    head, _, body = response.partition(b"\r\n\r\n")
    return head.split(b" ")[1:2] == [b"200"], body.decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
