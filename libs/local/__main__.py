"""`python -m libs.local` is the `pingcrm` command."""

from libs.local.cli import main

if __name__ == "__main__":
    main()
