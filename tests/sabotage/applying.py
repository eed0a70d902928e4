"""Apply a mutation to a text: find the place by name in the syntax tree, change it, and leave the rest to the letter."""

import ast
import re
from collections.abc import Iterator

from tests.sabotage.mutation import InText, Mutation, Replace, Swap


class NotApplicable(Exception):
    """The mutation no longer fits the code: the place is gone, or the pattern is not there exactly once."""


def mutated(mutation: Mutation, text: str) -> str:
    """The file's text with the harm done. NotApplicable: say which part of the mutation does not fit."""
    try:
        changed = _changed(mutation, text)
    except NotApplicable as problem:
        raise NotApplicable(f"{mutation.name}: {mutation.place}: {problem}") from None
    if mutation.path.endswith(".py"):
        ast.parse(changed)
    return changed


def _changed(mutation: Mutation, text: str) -> str:
    if not mutation.path.endswith(".py"):
        if not isinstance(mutation.change, InText):
            raise NotApplicable("a file that is not Python is changed by InText")
        return _replaced_once(mutation.change, text)
    source = _Source(text)
    place = _find(source.tree, mutation.qualified_name)
    match mutation.change:
        case Replace(pattern, by):
            node = _only(place, pattern)
            if not by and not isinstance(node, ast.stmt):
                raise NotApplicable("only a statement can be deleted")
            start, end = source.span(node)
            return text[:start] + (by or "pass") + text[end:]
        case Swap(first, second):
            (a, b), (c, d) = sorted(source.span(_only(place, pattern)) for pattern in (first, second))
            return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
        case InText() as change:
            return _in_constant(change, source, place, text)


class _Source:
    """A module's text and tree; positions in characters."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.stmt | ast.expr)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, utf8_column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:utf8_column].decode())


def _find(tree: ast.Module, qualified_name: str) -> ast.AST:
    place: ast.AST = tree
    for name in filter(None, qualified_name.split(".")):
        found = [node for node in ast.iter_child_nodes(place) if _name_of(node) == name]
        if len(found) != 1:
            raise NotApplicable(f"{name} is there {len(found)} times")
        place = found[0]
    return place


def _name_of(node: ast.AST) -> str | None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return None


def _only(place: ast.AST, pattern: str) -> ast.stmt | ast.expr:
    """The one node that the pattern fits. A pattern that is an expression also fits where it is a whole statement."""
    (statement,) = ast.parse(pattern).body
    wanted: ast.stmt | ast.expr = statement
    found = [node for node in _own_nodes(place) if isinstance(node, ast.stmt) and _fits(wanted, node)]
    if not found and isinstance(statement, ast.Expr):
        wanted = statement.value
        found_expressions = [node for node in _own_nodes(place) if isinstance(node, ast.expr) and _fits(wanted, node)]
        if len(found_expressions) == 1:
            return found_expressions[0]
        raise NotApplicable(f"`{pattern}` is there {len(found_expressions)} times")
    if len(found) != 1:
        raise NotApplicable(f"`{pattern}` is there {len(found)} times")
    return found[0]


def _own_nodes(place: ast.AST) -> Iterator[ast.AST]:
    nodes = ast.walk(place)
    next(nodes)
    return nodes


def _fits(pattern: object, node: object) -> bool:
    """Whether the trees are the same; `...` in the pattern fits any expression, and as an argument all that are left."""
    if isinstance(pattern, ast.Constant) and pattern.value is Ellipsis:
        return isinstance(node, ast.expr)
    if isinstance(pattern, list):
        return isinstance(node, list) and _lists_fit(pattern, node)
    if not isinstance(pattern, ast.AST):
        return pattern == node
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.Call) and isinstance(node, ast.Call) and _ends_open(pattern.args):
        return _fits(pattern.func, node.func) and _open_call_fits(pattern, node)
    return all(
        _fits(getattr(pattern, field, None), getattr(node, field, None)) for field in pattern._fields if field != "ctx"
    )


def _ends_open(arguments: list[ast.expr]) -> bool:
    return bool(arguments) and isinstance(arguments[-1], ast.Constant) and arguments[-1].value is Ellipsis


def _open_call_fits(pattern: ast.Call, node: ast.Call) -> bool:
    fixed = pattern.args[:-1]
    if len(node.args) < len(fixed) or not _lists_fit(fixed, node.args[: len(fixed)]):
        return False
    return all(any(_fits(keyword, candidate) for candidate in node.keywords) for keyword in pattern.keywords)


def _lists_fit(patterns: list[object], nodes: list[object]) -> bool:
    whatever = [
        isinstance(pattern, ast.Expr) and isinstance(pattern.value, ast.Constant) and pattern.value.value is Ellipsis
        for pattern in patterns
    ]
    if whatever == [True]:  # a body of `...` fits any body
        return True
    return len(patterns) == len(nodes) and all(map(_fits, patterns, nodes))


def _in_constant(change: InText, source: _Source, place: ast.AST, text: str) -> str:
    """Change the one string constant (or constant part of an f-string) of the place that has the part exactly once."""
    found = {
        source.span(node)
        for node in ast.walk(place)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        and (not isinstance(node, ast.Constant) or isinstance(node.value, str))
        if len(_occurrences(change.part, text[slice(*source.span(node))])) == 1
    }
    outermost = {span for span in found if not any(a <= span[0] and span[1] <= b and (a, b) != span for a, b in found)}
    if len(outermost) != 1:
        raise NotApplicable(f"`{change.part}` is in {len(outermost)} texts")
    ((start, end),) = outermost
    return text[:start] + _replaced_once(change, text[start:end]) + text[end:]


def _occurrences(part: str, text: str) -> list[tuple[int, int]]:
    pattern = r"\s+".join(re.escape(word) for word in part.split())
    return [match.span() for match in re.finditer(pattern, text)]


def _replaced_once(change: InText, text: str) -> str:
    found = _occurrences(change.part, text)
    if len(found) != 1:
        raise NotApplicable(f"`{change.part}` is there {len(found)} times")
    ((start, end),) = found
    return text[:start] + change.by + text[end:]
