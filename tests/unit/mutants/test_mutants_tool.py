"""The tool behind `make mutants`: what it changes, what it samples, which tests it chooses, and when it is not content."""

from pathlib import Path

import pytest

from tests.mutants import collected
from tests.mutants.choosing import Choice, Reached
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.making import Mutant, MutantsOf
from tests.mutants.report import verdict
from tests.mutants.running import Outcome, Result
from tests.mutants.sampling import AT_LEAST, sample
from tests.mutants.subjects import MODULES, module_paths

ROOT = Path(__file__).resolve().parents[3]
CODE = """
Key = tuple[int, str]
LIMIT = 5


class Rule:
    @property
    def fits(self) -> bool:
        if self.number:
            return self.number < LIMIT
        return False


P = ParamSpec("P")
"""


@pytest.fixture
def mutants(tmp_path: Path) -> list[Mutant]:
    (tmp_path / "rule.py").write_text(CODE)
    found = MutantsOf(tmp_path, "rule.py")
    return [found[number] for number in range(len(found))]


def test_constants_properties_conditions_and_results_are_changed_and_aliases_are_not(mutants: list[Mutant]) -> None:
    changes = [mutant.change for mutant in mutants]
    for change in (
        "LIMIT = 5 → LIMIT = 6",
        "LIMIT = 5 → LIMIT = None",
        "if self.number: → if not (self.number):",
        "return self.number < LIMIT → return self.number <= LIMIT",
        "return self.number < LIMIT → return None",
        "return False → return True",
    ):
        assert changes.count(change) == 1, change
    assert not any("Key" in change for change in changes)
    assert [change for change in changes if change.startswith("P ")] == ['P = ParamSpec("P") → P = None']
    assert all(mutant.text.count("\n") == CODE.count("\n") for mutant in mutants)


def test_a_mutant_knows_its_lines_and_those_of_its_function(mutants: list[Mutant]) -> None:
    by_change = {mutant.change: mutant for mutant in mutants}
    compared = by_change["return self.number < LIMIT → return self.number <= LIMIT"]
    assert (compared.lines, compared.body, compared.name) == (range(10, 11), range(9, 12), "rule.py:10")
    assert by_change["LIMIT = 5 → LIMIT = 6"].body is None


def test_the_case_of_a_codec_s_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "codec.py").write_text('def raw(text: str) -> bytes:\n    return text.encode("utf-8") or b"Utf"\n')
    found = MutantsOf(tmp_path, "codec.py")
    changes = {found[number].text.splitlines()[1].strip() for number in range(len(found))}
    assert 'return text.encode("XXutf-8XX") or b"Utf"' in changes
    assert 'return text.encode("utf-8") or b"UTF"' in changes
    assert 'return text.encode("UTF-8") or b"Utf"' not in changes


def test_a_sample_has_some_of_each_module_and_is_the_same_again() -> None:
    sizes = {"large": 1_000, "middle": 100, "small": 3}
    chosen = sample(sizes, 60, seed=8)
    assert chosen == sample(sizes, 60, seed=8) != sample(sizes, 60, seed=9)
    assert len(chosen) == len(set(chosen)) == 60
    shares = {module: sum(name == module for name, _ in chosen) for module in sizes}
    assert shares["small"] == 3
    assert AT_LEAST <= shares["middle"] < shares["large"] < 10 * shares["middle"]
    assert all(number < sizes[module] for module, number in chosen)
    assert len(sample(sizes, 5_000, seed=8)) == 1_103
    assert {module for module, _ in sample(sizes, 4, seed=8)} == set(sizes), "few of many modules are some of each"
    assert len(sample(sizes, 4, seed=8)) == 4


def reached() -> Reached:
    return Reached(
        lines={
            "rule.py": {"tests/unit/a.py::x": frozenset({9, 10}), "tests/unit/a.py::y": frozenset({9, 11}),
                        "tests/integration/b.py::z": frozenset({9, 10}), "tests/unit/a.py::broken": frozenset({10}),
                        "": frozenset({1, 40, 41})},
            "user.py": {"tests/unit/c.py::u": frozenset({2})},
        },
        seconds={"tests/unit/a.py::x": 2.0, "tests/unit/a.py::y": 1.0, "tests/integration/b.py::z": 3.0, "tests/unit/c.py::u": 0.1},
        failed=frozenset({"tests/unit/a.py::broken"}),
    )  # fmt: skip


def test_the_tests_near_are_those_that_execute_the_line_else_the_function(
    mutants: list[Mutant], tmp_path: Path
) -> None:
    (tmp_path / "user.py").write_text("from rule import LIMIT\n")
    choice = Choice(tmp_path, reached())
    by_change = {mutant.change: mutant for mutant in mutants}
    compared = by_change["return self.number < LIMIT → return self.number <= LIMIT"]
    assert choice.tests_near(compared) == (("tests/unit/a.py::x",), ("tests/integration/b.py::z",))
    constant = by_change["LIMIT = 5 → LIMIT = 6"]
    assert choice.tests_near(constant) == (
        ("tests/unit/a.py::y", "tests/unit/a.py::x", "tests/unit/c.py::u"), ("tests/integration/b.py::z",),
    )  # fmt: skip
    untouched = Mutant("rule.py", 0, range(30, 31), range(30, 33), "", "")
    assert choice.tests_near(untouched) == ((), ())
    makes_a_table = Mutant("rule.py", 0, range(40, 41), range(40, 42), "", "")
    assert choice.tests_near(makes_a_table) == choice.tests_near(constant)


def exchanged_rule() -> int:
    """What the next test exchanges."""
    return 1


def test_the_code_of_a_function_is_exchanged_in_place() -> None:
    path = exchanged_rule.__code__.co_filename
    source = Path(path).read_text()
    before = exchanged_rule
    assert collected._exchange([exchanged_rule], source, path) == 0
    assert collected._exchange([exchanged_rule], source.replace("    return 1\n", "    return 2\n", 1), path) == 1
    assert before() == 2
    collected._exchange([exchanged_rule], source, path)
    assert before() == 1


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["killed"] * 10, 0),
        (["killed"] * 9 + ["survived"], 0),
        (["killed"] * 8 + ["survived"] * 2, 1),
        (["killed"] * 10 + ["no test near"], 1),
        (["killed"] * 10 + ["broken"], 2),
    ],
)
def test_the_bounds_decide(outcomes: list[Outcome], code: int) -> None:
    results = [
        Result(Mutant("m.py", n, range(1), None, "", ""), outcome, "", 0.0) for n, outcome in enumerate(outcomes)
    ]
    assert verdict(results) == code


def test_a_weak_module_is_not_made_good_by_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: list[tuple[str, Outcome]] = (
        [("strong.py", "killed")] * 95 + [("weak.py", "killed")] * 3 + [("weak.py", "survived")]
    )
    results = [Result(Mutant(module, 0, range(1), None, "", ""), outcome, "", 0.0) for module, outcome in outcomes]
    assert verdict(results) == 1
    assert "below 80%: weak.py" in capsys.readouterr().out


def test_every_pattern_of_the_modules_finds_some() -> None:
    assert [pattern for patterns in MODULES.values() for pattern in patterns if not list(ROOT.glob(pattern))] == []
    assert len(module_paths(ROOT, "security")) > 45


def test_what_is_kept_as_equivalent_is_still_a_mutant_and_has_a_reason() -> None:
    paths = {*module_paths(ROOT), *module_paths(ROOT, "security")}
    assert len(paths) > 80
    for module, reasons in EQUIVALENT.items():
        assert module in paths
        found = MutantsOf(ROOT, module)
        lines = {change.partition(" → ")[0] for change in reasons}
        changes = {found[number].change for number in range(len(found)) if found.line_of(number) in lines}
        assert set(reasons) <= changes, module
        assert all(reason.endswith(".") for reason in reasons.values())
