"""python -m libs.local.foreground MODULE [ARGUMENT …]: another module of ours goes on as this process.

Ctrl-C ends it without a word, also while it is still being read; what it has to put away it puts away on its own handler.
"""

import runpy
import signal
import sys

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
