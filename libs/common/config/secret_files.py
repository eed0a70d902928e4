"""Secrets out of files: `PINGCRM_X_FILE` names the file that holds the value of `PINGCRM_X`, which is how containers are given secrets.

Only what holds a secret can be given so. A value from a file is in the memory of the process alone: not in the environment that
others can list.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

SUFFIX = "_FILE"
MOST_BYTES = 65_536


class UnusableSecretFile(Exception):
    """Secrets were to come from files and can't; the message is a sentence for each, without any value."""


def with_secret_files(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The environment with the values of those of `names` that are in files. Raises UnusableSecretFile."""
    values, sentences = dict(environment), []
    for name in names:
        path = environment.get(name + SUFFIX)
        if not path:
            continue
        if environment.get(name):
            sentences.append(f"{name} and {name}{SUFFIX} are both set: keep one of them.")
            continue
        try:
            values[name] = _read(Path(path))
        except OSError as error:
            reason = f"and it can't be read: {error.strerror}"
            sentences.append(f"{name}{SUFFIX} must be the path of a file that you may read, {reason}.")
        except ValueError as error:
            sentences.append(f"{name}{SUFFIX} must be the path of a file with the secret in it, {error}.")
    if sentences:
        raise UnusableSecretFile("\n".join(sentences))
    return values


def _read(path: Path) -> str:
    """What the file holds, without the line break that editors put at its end. OSError; ValueError with the reason."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError("and that one is too large for a secret")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError("and that one holds no text")
    if not text:
        raise ValueError("and that one is empty")
    return text


def adopt_secret_files(environment: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Put the values in, once, before anything else is read; the names of the files stay. Raises UnusableSecretFile."""
    known = list(names)
    environment.update(with_secret_files(environment, known))
    # A program of ours may work in another folder.
    for file in (name + SUFFIX for name in known if environment.get(name + SUFFIX)):
        environment[file] = str(Path(environment[file]).absolute())


def without_adopted(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """For a program of ours that adopts by itself: the names of the files, not what they hold."""
    adopted = {name for name in names if environment.get(name + SUFFIX)}
    return {name: value for name, value in environment.items() if name not in adopted}
