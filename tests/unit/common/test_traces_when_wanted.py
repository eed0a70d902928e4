"""What exports traces is loaded where somebody wants them, and nowhere else: it is memory and time of every start."""

import subprocess
import sys

from libs.common.ids import SERVICES
from libs.local import ROOT

LOADED = """
import importlib, sys
for service in sys.argv[1:]:
    importlib.import_module(f"services.{service}.__main__")
parts = ("sdk", "exporter", "instrumentation", "metrics")
print([name for name, module in sys.modules.items() if module and name.startswith(tuple(f"opentelemetry.{part}" for part in parts))])
"""


def test_no_service_loads_what_exports_traces_before_somebody_wants_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *SERVICES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
