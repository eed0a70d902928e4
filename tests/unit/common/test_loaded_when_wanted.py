"""What only some installations need is loaded where somebody wants it, and nowhere else: it is memory and time of every start."""

import subprocess
import sys

from libs.common.ids import SERVICES
from libs.local import ROOT

LOADED = """
import importlib, sys
for service in sys.argv[1:]:
    importlib.import_module(f"services.{service}.__main__")
traces = tuple(f"opentelemetry.{part}" for part in ("sdk", "exporter", "instrumentation", "metrics"))
print([name for name, module in sys.modules.items() if module and name.startswith(("anthropic", *traces))])
"""


def test_no_service_loads_what_exports_traces_or_asks_the_model_before_somebody_wants_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *SERVICES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
