"""Promise 39: SQL injection and ReDoS are absent.

Method: three readings of the source, none of which runs it. ruff's security rules (S); a finding may be excused beside
its line, which is counted. Every statement that is sent anywhere is followed back to where it was written, and nothing
excuses one: it has to be a constant, or one of ``queries.sql``, or what a named place of ``_MADE_ELSEWHERE`` makes; and
no string that reads like SQL has holes in it. Every regular expression, in the source and in the contract, is searched
in strings made to hurt it.
Figure: findings of ruff and those excused; statements followed and those put together; expressions, those that are not
linear, and the slowest at 10,000 characters in milliseconds of the processor.
Mutant: in a copy of the source one statement is an f-string, one expression is ``(a+)+$``, and one subprocess goes
through a shell; each alone has to be found.
"""

import ast
import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

import equityaccess
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run
from tests.trust.patterns import worst_of

_CHECKOUT: Final = Path(__file__).parents[2]
_SENDERS: Final = {  # what takes a statement, and as which argument
    "execute": 0, "executemany": 0, "fetch": 0, "fetchrow": 0, "fetchval": 0, "fetchmany": 0, "cursor": 0, "prepare": 0,
    "scalar": 0, "scalars": 0, "exec_driver_sql": 0, "text": 0, "Query": 1,
}  # fmt: skip
_MADE_ELSEWHERE: Final = {
    ("database.py", "compiled"): "SQLAlchemy Core compiles it; values are bound",
    ("database.py", "load_queries"): "the text of queries.sql, a file of the package",
    ("migrate.py", "make_roles"): "the text of db/roles.sql, a file of the package",
    ("migrate.py", "allow_login"): "the server quotes the name of the role, which cannot be a parameter",
}
_LIKE_SQL: Final = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|SET|ALTER|CREATE|DROP|GRANT|REVOKE|TRUNCATE|COPY|CALL|DO)\s"
)
_COMPILING: Final = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the readings found in one tree."""

    by_ruff: list[str]
    excepted: int  # findings that a comment beside them excuses
    statements: int
    put_together: list[str]
    expressions: int
    not_linear: list[str]
    slowest_s: float

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [*self.by_ruff, *self.put_together, *self.not_linear]


class Module:
    """A file of the source with the constants at its top."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.constants: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                self.constants |= {one.id: node.value for one in node.targets if isinstance(one, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
                self.constants[node.target.id] = node.value

    def constant(self, node: ast.expr | None) -> str | None:
        """The text that *node* always is, if it can be read off."""
        match node:
            case ast.Constant(value=str()):
                return str(node.value)
            case ast.Name() if node.id in self.constants:
                return self.constant(self.constants[node.id])
            case ast.BinOp(op=ast.Add()):
                parts = [self.constant(node.left), self.constant(node.right)]
            case ast.JoinedStr():
                parts = [
                    self.constant(one.value if isinstance(one, ast.FormattedValue) else one) for one in node.values
                ]
            case _:
                return None
        return None if None in parts else "".join(part for part in parts if part is not None)

    def function_of(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function in which *node* stands."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return node
        return None

    def place(self, node: ast.expr) -> str:
        """Where *node* stands, for a person."""
        return f"{self.name}:{node.lineno}"


def _name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def _statements(module: Module) -> Iterator[tuple[ast.Call, ast.expr]]:
    for call in ast.walk(module.tree):
        if (
            isinstance(call, ast.Call)
            and (place := _SENDERS.get(_name_of(call))) is not None
            and len(call.args) > place
        ):
            yield call, call.args[place]


def _is_sound(module: Module, node: ast.expr, call: ast.Call) -> bool:
    """Whether the statement *node* was written by us, as it is sent."""
    function = module.function_of(call)
    if isinstance(node, ast.Name):
        node = module.constants.get(node.id, node)
    if (
        module.constant(node) is not None
        or isinstance(node, ast.Constant)  # how many rows a cursor fetches
        or re.search(r"\bsql\b", ast.unparse(node) if isinstance(node, ast.Attribute) else "")
        or (module.name, function.name if function else "") in _MADE_ELSEWHERE
    ):
        return True
    match node:
        case ast.IfExp():
            return _is_sound(module, node.body, call) and _is_sound(module, node.orelse, call)
        case ast.Call():  # text("..."), Query("...", "..."): looked at for itself
            return _name_of(node) in _SENDERS
        case ast.Name() if function:
            return (
                all(_is_sound(module, value, call) for value in _values(function, node.id))
                if (node.id not in _arguments(function))
                else _arguments(function)[node.id] in ("Query", "ClauseElement")
            )
    return False


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in every}


def _values(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> list[ast.expr]:
    """Everything that *name* is set to in *function*."""
    found = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
    ]
    return found or [ast.Constant(value=None)]


def _built(module: Module) -> Iterator[ast.expr]:
    """Strings with holes that read like SQL."""
    for node in ast.walk(module.tree):
        match node:
            case ast.JoinedStr(values=[first, *_]) | ast.BinOp(left=first, op=ast.Add() | ast.Mod()):
                pass
            case ast.Call(func=ast.Attribute(value=first, attr="format" | "join")):
                pass
            case _:
                continue
        text = module.constant(first) if isinstance(first, ast.expr) else None
        if text and _LIKE_SQL.match(text) and module.constant(node) is None:
            yield node


def _expressions(module: Module) -> Iterator[tuple[ast.expr, str | None, int]]:
    """Every regular expression with its flags; None for one that cannot be read off."""
    for call in ast.walk(module.tree):
        if not isinstance(call, ast.Call):
            continue
        if ast.unparse(call.func).startswith("re.") and _name_of(call) in _COMPILING:
            expression = module.constant(call.args[0])
            if expression or module.function_of(call):  # one put together as the module is loaded is found in it
                yield call, expression, _flags(call)
        for keyword in call.keywords:
            if keyword.arg == "pattern":
                yield call, module.constant(keyword.value), 0


def _flags(call: ast.Call) -> int:
    return sum(getattr(re, name) for name in re.findall(r"\bre\.([A-Z]+)\b", ast.unparse(call)))


def _loaded() -> Iterator[tuple[str, str, int]]:
    """Every expression that a module of the product holds once it is loaded."""
    for module in pkgutil.walk_packages(equityaccess.__path__, "equityaccess."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                for one in value.values() if isinstance(value, dict) else [value]:
                    if isinstance(one, re.Pattern):
                        text = one.pattern if isinstance(one.pattern, str) else one.pattern.decode("latin-1")
                        yield f"{module.name}.{name}", text, one.flags


def _of_the_contract(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        node = list(node.values())
    for one in node if isinstance(node, list) else []:
        yield from _of_the_contract(one)


def _by_ruff(source: Path, *more: str) -> list[str]:
    command = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", *more, "--output-format", "json"]
    done = subprocess.run(
        [*command, "--config", _CHECKOUT / "pyproject.toml", source], capture_output=True, text=True, check=False
    )
    return [
        f"{Path(one['filename']).name}:{one['location']['row']} {one['code']}"
        for one in json.loads(done.stdout)
        if re.match(r"S[0-9]", one["code"])
    ]


def read(source: Path, elsewhere: Iterable[tuple[str, str, int]] = ()) -> Found:
    """What is found in the tree *source*, and in the expressions that stand *elsewhere*."""
    modules = [Module(path) for path in sorted(source.rglob("*.py"))]
    statements = [(module, call, sent) for module in modules for call, sent in _statements(module)]
    put_together = [module.place(call) for module, call, sent in statements if not _is_sound(module, sent, call)]
    put_together += [module.place(node) for module in modules for node in _built(module)]
    written = [
        (module.place(node), one or "(", flags) for module in modules for node, one, flags in _expressions(module)
    ]
    expressions = {(one, flags & ~re.UNICODE): place for place, one, flags in [*written, *elsewhere]}
    slow, slowest = _slow(expressions)
    by_ruff = _by_ruff(source)
    return Found(
        by_ruff=by_ruff,
        excepted=len(_by_ruff(source, "--ignore-noqa")) - len(by_ruff),
        statements=len(statements),
        put_together=put_together,
        expressions=len(expressions),
        not_linear=slow,
        slowest_s=slowest,
    )


def _slow(expressions: Mapping[tuple[str, int], str]) -> tuple[list[str], float]:
    slow, slowest = [], 0.0
    for (expression, flags), place in expressions.items():
        try:
            worst = worst_of(expression, flags)
        except re.error:  # one that could not be read off the source is a finding, too
            slow.append(place)
            continue
        slowest = max(slowest, worst.seconds)
        if not worst.is_linear:
            slow.append(place)
    return slow, slowest


_DEFECTS: Final = {
    "put together": 'async def defect(connection, name):\n    await connection.fetch(f"SELECT {name}")\n',
    "not linear": 'import re\n\nDEFECT = re.compile(r"(a+)+$")\n',
    "by ruff": "import subprocess\n\n\ndef defect(name):\n    subprocess.run(name, shell=True)\n",
}


def _mutants() -> Figure:
    missed = []
    for what, defect in _DEFECTS.items():
        with world.folder() as folder:
            shutil.copytree(_CHECKOUT / "src" / "equityaccess" / "access", folder / "access")
            (folder / "access" / "defect.py").write_text(f'"""A seeded defect."""\n\n{defect}')
            found = read(folder)
        if not getattr(found, what.replace(" ", "_")):
            missed.append(what)
    return Figure(text=f"defects={len(_DEFECTS)} found={len(_DEFECTS) - len(missed)}", holds=bool(missed))


async def injection(run: Run) -> Figure:
    """The three readings of the source, or of a copy with a defect."""
    if run.mutant:
        return _mutants()
    contract = json.loads((_CHECKOUT / "openapi" / "openapi.json").read_bytes())
    found = read(_CHECKOUT / "src", [*_loaded(), *(("openapi.json", one, 0) for one in _of_the_contract(contract))])
    return Figure(
        text=f"ruff S={len(found.by_ruff)} (excused={found.excepted}) "
        f"statements={found.statements} put-together={len(found.put_together)} "
        f"expressions={found.expressions} not-linear={len(found.not_linear)} "
        f"slowest={found.slowest_s * 1_000:.1f} ms{': ' * bool(found.faults)}{', '.join(found.faults[:5])}",
        holds=not found.faults,
    )


HARNESSES = [
    Harness(
        number=39,
        promise="SQL injection and regular expressions that run away are absent",
        mutant="an f-string as a statement, (a+)+$, a subprocess through a shell",
        run=injection,
        limit_s=180,
    )
]
