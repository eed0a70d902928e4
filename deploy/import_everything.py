"""Imports every module of the product. `deploy/Dockerfile` runs it once, in the folder that holds `services` and `libs`.

So the image holds the compiled form of what is imported, for containers that can't write it, and no more; and a package that was slimmed
too far ends the build.
"""

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> None:
    sys.path.insert(0, str(Path.cwd()))
    for root in ("services", "libs"):
        for module in pkgutil.walk_packages([root], f"{root}."):
            importlib.import_module(module.name)


if __name__ == "__main__":
    main()
