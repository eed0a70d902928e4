#!/bin/sh
# The pingcrm command, copied beside the Python that runs it: it finds that one wherever the folder has been moved to.
here=$(dirname "$(readlink -f "$0")")
exec "$here/python" -m libs.local "$@"
