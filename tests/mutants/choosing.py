"""Which tests a mutant has to get past: those that execute its lines, quick ones first."""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.making import Mutant

# Of tests, by what they took without a mutant; at least one is chosen, however long it takes.
BY_IMPORT = ""
UNIT_SECONDS = 20.0
INTEGRATION_SECONDS = 30.0
SLOWEST_SECONDS = 15.0


@dataclass(frozen=True)
class Reached:
    """What the tests execute without a mutant: lines by module and test, seconds by test, and the tests that fail anyway."""

    lines: Mapping[str, Mapping[str, frozenset[int]]]
    seconds: Mapping[str, float]
    failed: frozenset[str]

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Reached":
        """Of what several runs wrote."""
        lines: dict[str, dict[str, frozenset[int]]] = {}
        seconds: dict[str, float] = {}
        failed: set[str] = set()
        for file in files:
            written = json.loads(file.read_text())
            for module, by_test in written["lines"].items():
                lines.setdefault(module, {}).update({test: frozenset(found) for test, found in by_test.items()})
            seconds |= written["seconds"]
            failed |= set(written["failed"])
        return cls(lines, seconds, frozenset(failed))


class Choice:
    """Chooses tests for mutants."""

    def __init__(self, root: Path, reached: Reached) -> None:
        self._reached = reached
        self._importers = _importers(root, reached.lines)
        files = {test.partition("::")[0] for test in reached.seconds}
        self._imported_by_tests = {file: _imports(root / file) for file in files if (root / file).is_file()}

    def tests_near(self, mutant: Mutant) -> tuple[Sequence[str], Sequence[str]]:
        """Unit tests and integration tests; both empty where no test executes the code.

        Tables, constants and functions that make them are executed by the import: for them it is the tests that import the module or
        execute it, then those of its importers.
        """
        executed = self._of(mutant.module, mutant.body) if mutant.body else set()
        if mutant.body is None or (not executed and self._is_imported(mutant.module, mutant.body)):
            modules = [mutant.module, *self._importers[mutant.module]]
            groups = [self._importing(mutant.module), *(self._of(module, None) for module in modules)]
            return _both(groups, self._reached.seconds)
        return _both([self._of(mutant.module, mutant.lines) or executed], self._reached.seconds)

    def _is_imported(self, module: str, lines: range) -> bool:
        """Whether the import executes these lines: of a function that makes a table."""
        return bool(self._reached.lines.get(module, {}).get(BY_IMPORT, frozenset()).intersection(lines))

    def _importing(self, module: str) -> set[str]:
        """The tests in files that import the module: who reads a constant executes nothing of it."""
        files = {file for file, names in self._imported_by_tests.items() if _dotted(module) in names}
        known = self._reached.seconds.keys() - self._reached.failed
        return {test for test in known if test.partition("::")[0] in files}

    def _of(self, module: str, lines: range | None) -> set[str]:
        return {
            test
            for test, executed in self._reached.lines.get(module, {}).items()
            if test != BY_IMPORT
            and test not in self._reached.failed
            and (lines is None or executed.intersection(lines))
        }


def _both(groups: Sequence[set[str]], seconds: Mapping[str, float]) -> tuple[Sequence[str], Sequence[str]]:
    unit = [{test for test in group if test.startswith("tests/unit/")} for group in groups]
    integration = [group - of_units for group, of_units in zip(groups, unit, strict=True)]
    return _quickest(unit, seconds, UNIT_SECONDS), _quickest(integration, seconds, INTEGRATION_SECONDS)


def _quickest(groups: Sequence[set[str]], seconds: Mapping[str, float], budget_seconds: float) -> Sequence[str]:
    chosen: dict[str, None] = {}
    for group in groups:
        for test in sorted(group, key=lambda name: (seconds[name], name)):
            budget_seconds -= seconds[test]
            if chosen and (budget_seconds < 0 or seconds[test] > SLOWEST_SECONDS):
                break
            chosen[test] = None
    return tuple(chosen)


def _importers(root: Path, modules: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """By module, those of the modules that import it."""
    imported = {module: _imports(root / module) for module in modules}
    return {module: [other for other, names in imported.items() if _dotted(module) in names] for module in imported}


def _imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _dotted(module: str) -> str:
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
