"""Why a backup is not made, or not restored: each with a sentence for the person at the terminal."""


class NoInstallation(Exception):
    """There is no PingCRM where one was looked for; the message states what to do."""


class BackupFailed(Exception):
    """It was begun and could not be done; the message states why."""


class Unrestorable(Exception):
    """A backup can't be restored; the message states why, and what to do."""
