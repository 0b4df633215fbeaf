"""What is changed in a module, one thing at a time, and how a loaded module takes such a change and gives it back."""

import ast
import contextlib
import copy
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

_OTHER: Final[dict[type[ast.AST], tuple[type[ast.AST], ...]]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.And: (ast.Or,), ast.Or: (ast.And,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,),
    ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.Mult,), ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,), ast.Break: (ast.Continue,), ast.Continue: (ast.Break,),
}  # fmt: skip
_Change = tuple[str, Callable[[Any], ast.AST]]


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one module: which node, which of its changes, and where that is."""

    module: str
    node: int  # its place in ast.walk
    change: int
    first_line: int
    last_line: int
    what: str

    def __str__(self) -> str:
        return f"{self.module}:{self.first_line}: {self.what}"


def mutants_of(module: str) -> list[Mutant]:
    """Every change of the functions and constants of *module*."""
    tree = _tree(module)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    left_out = set(_left_out(tree))
    found = []
    for number, node in enumerate(ast.walk(tree)):
        if node in left_out or any(above in left_out for above in _above(node, parents)):
            continue
        lines = [above for above in [node, *_above(node, parents)] if isinstance(above, ast.expr | ast.stmt)]
        for change, (what, _) in enumerate(_changes(node)):
            [first, *_] = lines
            found.append(
                Mutant(
                    module=module,
                    node=number,
                    change=change,
                    first_line=first.lineno,
                    last_line=first.lineno if isinstance(first, ast.stmt) else first.end_lineno or first.lineno,
                    what=what,
                )
            )
    return found


def _tree(module: str) -> ast.Module:
    file = str(importlib.import_module(module).__file__)
    return ast.parse(Path(file).read_text(encoding="utf-8"), file)


def _above(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def _left_out(tree: ast.Module) -> Iterator[ast.AST]:
    """What is no behaviour: types, decorators, sentences for people, and what only a class body says."""
    for node in ast.walk(tree):
        yield from _not_run(node)
        match node:
            case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "load_queries" | "Annotated")):
                yield node
            case ast.Assign(value=ast.Subscript()) if node in tree.body:  # a type
                yield node
            case ast.Assign(value=ast.Call(func=ast.Name(id="load_queries"))):  # a module takes no other statements
                yield node
            case ast.JoinedStr():
                yield from (value for value in node.values if isinstance(value, ast.Constant))
                yield from (value.format_spec for value in node.values if getattr(value, "format_spec", None))
            case ast.Constant(value=str()) if " " in node.value or not node.value:
                yield node


def _not_run(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a definition that no call runs."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from filter(None, [node.returns, *node.decorator_list])
        case ast.arg() | ast.AnnAssign():
            yield from filter(None, [node.annotation])
        case ast.ClassDef():
            yield from (one for one in node.body if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from [*node.bases, *(keyword.value for keyword in node.keywords), *node.decorator_list]


def _changes(node: ast.AST) -> list[_Change]:
    """The changes of *node*, each with what it is called."""
    match node:
        case ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.AugAssign() | ast.Break() | ast.Continue():
            return list(_swaps(node))
        case ast.Constant():
            return list(_constants(node))
        case ast.Return(value=ast.expr()) | ast.Assign() | ast.AnnAssign(value=ast.expr()) if not _is_none(node.value):
            return [("None instead of the value", _without_value)]
        case ast.Raise() | ast.Expr(value=ast.Call() | ast.Await()):
            return [("statement removed", lambda one: ast.copy_location(ast.Pass(), one))]
    return list(_conditions(node))


def _conditions(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.UnaryOp(op=ast.Not()):
            yield "not removed", lambda one: one.operand
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield "condition reversed", _reversed
        case ast.comprehension() if node.ifs:
            yield "filter removed", lambda one: _with(one, "ifs", [])


def _is_none(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _swaps(node: Any) -> Iterator[_Change]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in _OTHER[type(operator)]:
                yield _swapped(operator, other), lambda one, p=place, o=other: _with_operator(one, p, o)
    elif isinstance(node, ast.Break | ast.Continue):
        [other] = _OTHER[type(node)]
        yield _swapped(node, other), lambda one, o=other: ast.copy_location(o(), one)
    else:
        for other in _OTHER.get(type(node.op), ()):
            yield _swapped(node.op, other), lambda one, o=other: _with(one, "op", o())


def _swapped(was: ast.AST, becomes: type[ast.AST]) -> str:
    return f"{type(was).__name__} becomes {becomes.__name__}"


def _with(node: Any, field: str, value: object) -> Any:
    setattr(node, field, value)
    return node


def _with_operator(node: ast.Compare, place: int, other: type[ast.AST]) -> ast.Compare:
    node.ops[place] = other()  # type: ignore[call-overload]
    return node


def _constants(node: ast.Constant) -> Iterator[_Change]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} becomes {not value}", lambda one: _with(one, "value", not value)
    elif isinstance(value, int | float):
        yield f"{value} becomes {value + 1}", lambda one: _with(one, "value", value + 1)
    elif isinstance(value, str):
        yield f"{value!r} becomes 'XX{value}'", lambda one: _with(one, "value", f"XX{value}")
    elif isinstance(value, bytes):
        yield f"{value!r} becomes XX", lambda one: _with(one, "value", b"XX" + value)


def _reversed(node: Any) -> Any:
    return _with(node, "test", ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=node.test), node.test))


def _without_value(node: Any) -> Any:
    return _with(node, "value", ast.copy_location(ast.Constant(value=None), node.value))


class _Changing(ast.NodeTransformer):
    def __init__(self, target: ast.AST, becomes: Callable[[Any], ast.AST]) -> None:
        self._target = target
        self._becomes = becomes

    def visit(self, node: ast.AST) -> Any:
        if node is self._target:
            return self._becomes(node)
        return self.generic_visit(node)


def changed(mutant: Mutant) -> ast.Module:
    """The tree of the module with the change in it."""
    tree = copy.deepcopy(_tree(mutant.module))
    node = next(node for number, node in enumerate(ast.walk(tree)) if number == mutant.node)
    _, becomes = _changes(node)[mutant.change]
    return ast.fix_missing_locations(_Changing(node, becomes).visit(tree))


@contextlib.contextmanager
def seeded(mutant: Mutant) -> Iterator[None]:
    """The loaded module with the change in it: its functions get other code, so whoever holds one runs the change."""
    module = sys.modules[mutant.module]
    other = types.ModuleType(mutant.module)
    other.__dict__.update(__file__=module.__file__, __spec__=module.__spec__)
    with contextlib.ExitStack() as stack:
        exec(compile(changed(mutant), str(module.__file__), "exec"), other.__dict__)
        theirs = _functions(other)
        for name, function in _functions(module).items():
            if name in theirs and not _is_same(function, theirs[name]):
                stack.callback(_take, function, *_parts(function))
                _take(function, *_parts(theirs[name]))
        for name in _constants_of(module):
            if not _equal(vars(module)[name], vars(other).get(name)):
                _replace(stack, vars(module)[name], name, vars(other).get(name))
        yield


def _functions(module: types.ModuleType) -> dict[str, types.FunctionType]:
    found: dict[str, types.FunctionType] = {}
    for value in list(vars(module).values()):
        for one in vars(value).values() if isinstance(value, type) else [value]:
            inner = getattr(one, "fget", None) or getattr(one, "__func__", None) or getattr(one, "fn", None) or one
            function = inspect.unwrap(inner) if callable(inner) else inner
            if isinstance(function, types.FunctionType) and function.__module__ == module.__name__:
                found[function.__qualname__] = function
    return found


def _parts(function: types.FunctionType) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _take(function: types.FunctionType, code: types.CodeType, defaults: Any, keywords: Any) -> None:
    function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, keywords


def _is_same(one: types.FunctionType, other: types.FunctionType) -> bool:
    return one.__code__ == other.__code__ and repr(_parts(one)[1:]) == repr(_parts(other)[1:])


def _constants_of(module: types.ModuleType) -> list[str]:
    kinds = (int, float, str, bytes, tuple, dict, frozenset)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("__") and (isinstance(value, kinds) or hasattr(value, "pattern") or value is None)
    ]


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def _replace(stack: contextlib.ExitStack, was: object, name: str, becomes: object) -> None:
    """Set *name* wherever the product imported this very value by that name."""
    for holder in [one for key, one in sys.modules.items() if key.startswith("equityaccess")]:
        if name in vars(holder) and vars(holder)[name] is was:
            stack.callback(setattr, holder, name, was)
            setattr(holder, name, becomes)
