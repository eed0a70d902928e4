"""`pingcrm` with stand-ins for the five services, which only report that they are ready: for tests of what is around them.

python -m tests.support.stand_ins FOLDER up --data-dir … --port …
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from libs.common.ids import SERVICES
from libs.local import ROOT

STAND_IN = """\
import http.server, json, os

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_message(self, *_):
        pass

if __name__ == "__main__":
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PINGCRM_HEALTH_PORT"])), Ready).serve_forever()
"""


def write(folder: Path) -> None:
    """A package `services` whose every module is a stand-in, which replies with its environment; beside it what is the same for all."""
    for service in SERVICES:
        package = folder / "services" / service
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(STAND_IN)
    (folder / "services" / "auth" / "lost_keys.py").write_text("print('gave up')")
    (folder / "services" / "__init__.py").touch()
    if not (folder / "libs").exists():
        (folder / "libs").symlink_to(ROOT / "libs")


def pingcrm(folder: Path, arguments: Sequence[str]) -> "subprocess.Popen[str]":
    """Start the command with stand-ins in `folder`; it prints into a pipe."""
    write(folder)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.stand_ins", str(folder), *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PINGCRM_")}
        | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_hang_ups,
    )


def heed_hang_ups() -> None:
    """To be called in a child: it may be ended by SIGHUP, also where the run itself was started by `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


if __name__ == "__main__":
    from libs.local import cli, supervisor

    supervisor.ROOT = Path(sys.argv.pop(1))
    cli.main()
