"""`python -m libs.local` is the `pingcrm` command."""

import signal


def main() -> None:
    """The entry point of the command. Ctrl-C ends it without a word, at any moment.

    While modules are being read nothing is open, so the signal may end the process; then it raises KeyboardInterrupt, which the
    command line turns into exit code 130; at the end there is nothing left to do but to end.
    """
    stopped_by_keys = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if stopped_by_keys:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from libs.local import cli  # takes most of a second

    if stopped_by_keys:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli.main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
