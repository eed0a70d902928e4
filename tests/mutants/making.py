"""The mutants of a module: mutmut's operators on its syntax tree, and two of our own for what they leave out.

mutmut's own runner knows only functions without decorators, because it keeps all mutants in one file behind a switch. Here each
mutant is a text of its own, so tables, constants, properties and validators are mutated as well.
"""

import codecs
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

# For type checkers only: the names in these calls, and aliases such as `Key = tuple[UserId, str]`.
_NAMES_ONLY = m.Call(func=m.Name("TypeVar") | m.Name("ParamSpec") | m.Name("NewType") | m.Name("cast"))
_ALIAS = m.Assign(
    targets=[
        m.AssignTarget(target=m.Name(value=m.MatchIfTrue(lambda name: name[:1].isupper() and not name.isupper())))
    ],
    value=_NAMES_ONLY | m.Subscript(value=~m.Name("Annotated")) | m.BinaryOperation(operator=m.BitOr()),
)


def condition_negated(node: cst.If | cst.While | cst.CompIf | cst.IfExp) -> Iterable[cst.CSTNode]:
    """`if a` becomes `if not a`."""
    parenthesized = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    negated = cst.UnaryOperation(cst.Not(), parenthesized)
    yield node.with_changes(test=negated)


def nothing_returned(node: cst.Return) -> Iterable[cst.CSTNode]:
    """`return a` becomes `return None`. Of False it would be the same to nearly all who ask."""
    if node.value is not None and not m.matches(node.value, m.Name("None") | m.Name("False")):
        yield node.with_changes(value=cst.Name("None"))


_OPERATORS = [
    *mutation_operators,
    (cst.If, condition_negated),
    (cst.While, condition_negated),
    (cst.CompIf, condition_negated),
    (cst.Return, nothing_returned),
]


class _Visitor(MutationVisitor):
    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if m.matches(node, _NAMES_ONLY | _ALIAS):
            return True
        return not isinstance(node, cst.FunctionDef) and super()._skip_node_and_children(node)


@dataclass(frozen=True)
class Mutant:
    """One change. `lines` are those it spans in the original, `body` those of its function; None where it is in none.

    `change` is made of the lines that differ, without their indentation: it stays the same when the code moves.
    """

    module: str
    number: int
    lines: range
    body: range | None
    change: str
    text: str

    @property
    def name(self) -> str:
        """How a report names it."""
        return f"{self.module}:{self.lines.start}"


class MutantsOf:
    """All mutants of one module; their texts are made when they are asked for."""

    def __init__(self, root: Path, module: str) -> None:
        self.module = module
        self._text = (root / module).read_text()
        wrapper = MetadataWrapper(cst.parse_module(self._text))
        visitor = _Visitor(_OPERATORS, IgnoredCode(set(), set(), set()))
        self._tree = wrapper.visit(visitor)
        self._mutations = [mutation for mutation in visitor.mutations if not _names_the_same_codec(mutation)]
        self._positions = wrapper.resolve(PositionProvider)

    def __len__(self) -> int:
        return len(self._mutations)

    def __getitem__(self, number: int) -> Mutant:
        mutation = self._mutations[number]
        text = self._applied(mutation)
        function = mutation.contained_by_top_level_function
        return Mutant(
            self.module,
            number,
            self._lines(mutation.original_node) or range(1),
            self._lines(function.body) if isinstance(function, cst.FunctionDef) else None,
            _difference(self._text, text),
            text,
        )

    def line_of(self, number: int) -> str:
        """The first line that a mutant changes, without its indentation: much less work than the mutant."""
        lines = self._lines(self._mutations[number].original_node) or range(1, 2)
        return self._text.splitlines()[lines.start - 1].strip()

    def _applied(self, mutation: Mutation) -> str:
        return self._tree.deep_replace(mutation.original_node, mutation.mutated_node).code

    def _lines(self, node: cst.CSTNode) -> range | None:
        position = self._positions.get(node)
        return range(position.start.line, position.end.line + 1) if isinstance(position, CodeRange) else None


def _names_the_same_codec(mutation: Mutation) -> bool:
    """Whether only the case of a codec's name is changed, which Python does not mind."""
    before, after = mutation.original_node, mutation.mutated_node
    if not isinstance(before, cst.SimpleString) or not isinstance(after, cst.SimpleString):
        return False
    names = [node.evaluated_value for node in (before, after)]
    try:
        first, second = (codecs.lookup(name).name for name in names if isinstance(name, str))
    except (LookupError, ValueError):
        return False
    return first == second


def _difference(before: str, after: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[3:]
    removed = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    added = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return f"{removed} → {added}"
