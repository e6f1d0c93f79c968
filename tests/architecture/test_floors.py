"""The rules that a machine can check: floors, circles, third parties, sizes, documentation."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ranvier"
FILES = sorted(SOURCE.rglob("*.py"))
PAGE_FILES = sorted((ROOT / "view" / "frontend" / "src").glob("*.ts*"))
MAX_LINES = 400
MAX_FUNCTION_LINES = 60

FLOORS = {
    "version": 0,
    "errors": 0,
    "floating_point_mode": 0,
    "records": 0,
    "text_table": 0,
    "plural": 0,
    "portable_math": 0,
    "scalars": 0,
    "user_warnings": 0,
    "settings": 1,
    "random": 1,
    "expression": 1,
    "rows": 2,
    "network": 2,
    "storage": 2,
    "engine": 3,
    "data": 4,
    "reference": 4,
    "native": 4,
    "training": 5,
    "display": 6,
    "recipes": 6,
    "explain": 6,
    "model": 7,
    "estimators": 8,
    "tuning": 8,
    "view": 8,
    "__init__": 9,
    "cli": 10,
    "__main__": 11,
}
NATIVE_FLOORS = {"machine": 0, "lowering": 0, "scheduling": 1, "kernels": 2, "": 3}
"""The floors inside native/: folders, and the files beside them ("")."""
ACROSS_NATIVE = {("kernels", "machine")}
"""Kernels print for a target, and the barrier that the machine's threads meet at."""

LAZY_FACADE = {
    ("network/network.py", "ranvier"),
    ("model/shown.py", "ranvier.view.serve"),
    ("model/shown.py", "ranvier.view.report_file"),
    ("network/network.py", "ranvier.model.model"),
}
"""The imports upwards, when they are called: Network.fit is ranvier.fit, and Model.view opens a view."""

THIRD_PARTIES = {
    "numpy": ("",),
    "llvmlite": ("native/machine/llvm.py", "native/machine/cpu.py", "cli/doctor.py"),
    "PIL": ("data/images/",),
    "pillow_heif": ("data/images/decode.py",),
    "IPython": ("display/live.py",),
    "threadpoolctl": ("data/images/patches.py", "cli/view.py"),
    "optuna": ("tuning/study.py",),
    "polars": ("data/", "tuning/search.py", "cli/predict.py", "training/history.py"),
    "narwhals": ("data/sources/",),
    "sklearn": ("data/", "estimators/"),
    "soundfile": ("data/sounds/decode.py",),
    "starlette": ("view/server.py", "view/safety.py"),
    "uvicorn": ("view/serve.py",),
    "anywidget": ("view/notebook.py",),
    "traitlets": ("view/notebook.py",),
    "scipy": (
        *("data/sounds/", "data/splitting/repeated_pictures.py", "data/text/"),
        *("expression/", "reference/", "training/lbfgs.py"),
    ),
    "charset_normalizer": ("data/sources/encoding_guess.py",),
    "safetensors": ("storage/",),
    "filelock": ("storage/lock.py",),
    "click": ("cli/",),
    "pandas": ("training/history.py",),
    "matplotlib": ("training/history.py",),
    "rich": ("cli/", "display/"),
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def part_of(module: str) -> str:
    """The part of FLOORS that `ranvier.x.y` belongs to."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes of a tree; to walk through them takes longer than to check any of the rules."""
    return tuple(ast.walk(tree))


def imports_of(tree: ast.AST) -> list[str]:
    imported = []
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                imported.append("relative")
            elif node.module == "ranvier":
                imported += [f"ranvier.{alias.name}" for alias in node.names]
            elif node.module:
                imported.append(node.module)
    return imported


def type_checking_only(tree: ast.Module) -> set[int]:
    """The ids of nodes under `if TYPE_CHECKING:`, which never run."""
    ifs = [n for n in nodes_of(tree) if isinstance(n, ast.If)]
    blocks = [n for n in ifs if isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING"]
    return {id(inner) for block in blocks for inner in ast.walk(block)}


def run_imports(tree: ast.Module) -> list[str]:
    """The modules that a file imports when it runs, at its top or inside functions."""
    hidden = type_checking_only(tree)
    nodes = [n for n in nodes_of(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in hidden]
    return [module for node in nodes for module in imports_of(node)]


def broken_floors(name: str, tree: ast.Module) -> list[str]:
    """The imports of a file that break the floors: upward ones and relative ones."""
    own_folder = Path(name).parts[0].removesuffix(".py")
    wrong = []
    for module in run_imports(tree):
        if module == "relative" or (module.split(".")[0] == "ranvier" and (name, module) not in LAZY_FACADE):
            part = "?" if module == "relative" else part_of(module)
            if part not in FLOORS or (part != own_folder and FLOORS[part] >= FLOORS[own_folder]):
                wrong.append(f"{name} (floor {FLOORS[own_folder]}) imports {module}")
    return wrong


def broken_native_floors(name: str, tree: ast.Module) -> list[str]:
    """The imports of a file of native/ that break its inner floors; nothing for files elsewhere."""

    def folder(pieces: list[str]) -> str:
        return pieces[0] if pieces[0] in NATIVE_FLOORS else ""

    if not name.startswith("native/"):
        return []
    wrong = []
    own_folder = folder(name.split("/")[1:])
    for module in run_imports(tree):
        pieces = module.split(".")
        if pieces[:2] == ["ranvier", "native"] and len(pieces) > 2:
            part = folder(pieces[2:])
            lower = NATIVE_FLOORS[part] < NATIVE_FLOORS[own_folder] and (
                part != "machine" or not own_folder or (own_folder, part) in ACROSS_NATIVE
            )
            if part != own_folder and not lower:
                wrong.append(f"{name} imports {module}")
    return wrong


def broken_third_parties(name: str, tree: ast.Module) -> list[str]:
    """The third parties that a file imports outside their allowed places."""
    wrong = []
    for module in imports_of(tree):
        top = module.split(".")[0]
        if top in ("ranvier", "relative") or top in sys.stdlib_module_names:
            continue
        if not any(name.startswith(folder_name) for folder_name in THIRD_PARTIES.get(top, ())):
            wrong.append(f"{name} imports {top}")
    return wrong


def too_long(name: str, tree: ast.Module) -> list[str]:
    """The functions of a file that are too long without their docstrings."""
    wrong = []
    for node in nodes_of(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring
            if length > MAX_FUNCTION_LINES:
                wrong.append(f"{name}: {node.name} has {length} lines; {MAX_FUNCTION_LINES} is the most")
    return wrong


def undocumented(name: str, tree: ast.Module) -> list[str]:
    """What has no docstring: a file, or a public name in it."""
    wrong = [] if ast.get_docstring(tree) else [f"{name} does not say what lives in it"]
    for node in tree.body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if public and not is_overload(node) and not is_formula(name, node) and not ast.get_docstring(node):
            wrong.append(f"{name}: {node.name} has no docstring")
    return wrong


def is_overload(node: ast.stmt) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in getattr(node, "decorator_list", ()))


def is_formula(name: str, node: ast.stmt) -> bool:
    """A few lines of textbook formula in the reference engine, whose name says what they are."""
    return name.startswith("reference/") and isinstance(node, ast.FunctionDef) and len(node.body) <= 3


RULES = (broken_floors, broken_native_floors, broken_third_parties, too_long, undocumented)


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """File -> what it says; parsing takes longer than to check any of the rules."""
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


@pytest.mark.parametrize("rule", RULES)
def test_every_file_keeps_the_rule(rule: Callable[[str, ast.Module], list[str]], trees: dict[str, ast.Module]) -> None:
    assert [problem for name, tree in trees.items() for problem in rule(name, tree)] == []


def test_no_file_is_too_long() -> None:
    assert PAGE_FILES
    files = {**{name_of(path): path for path in FILES}, **{path.name: path for path in PAGE_FILES}}
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in files.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (broken_floors, "network/layers.py", "from ranvier.model.fit import fit"),
        (broken_floors, "network/layers.py", "from ranvier import training"),
        (broken_floors, "network/layers.py", "def f():\n    from ranvier import training"),
        (broken_floors, "data/cells/parsing.py", "from . import columns"),
        (broken_native_floors, "native/lowering/steps.py", "from ranvier.native.scheduling.tiles import PANEL"),
        (broken_native_floors, "native/lowering/steps.py", "from ranvier.native.machine import cpu"),
        (broken_native_floors, "native/scheduling/blocking.py", "from ranvier.native.machine import cpu"),
        (broken_native_floors, "native/kernels/dense.py", "from ranvier.native.engine import NativeEngine"),
        (broken_native_floors, "native/machine/llvm.py", "from ranvier.native.lowering import steps"),
        (broken_third_parties, "network/layers.py", "import polars"),
        (broken_third_parties, "cli/main.py", "import requests"),
        (too_long, "cli/main.py", "def f():\n" + "    pass\n" * MAX_FUNCTION_LINES),
        (undocumented, "cli/main.py", "X = 1"),
        (undocumented, "cli/main.py", '"""A file."""\ndef f(): pass'),
    ],
)
def test_a_broken_rule_is_noticed(rule: Callable[[str, ast.Module], list[str]], name: str, text: str) -> None:
    assert rule(name, ast.parse(text))


def test_what_keeps_the_rules_passes() -> None:
    assert broken_native_floors("native/kernels/dense.py", ast.parse("from ranvier.native.lowering import steps")) == []
    documented = '"""A file."""\ndef f():\n    """Long."""\n' + "    pass\n" * (MAX_FUNCTION_LINES - 1)
    assert too_long("cli/main.py", ast.parse(documented)) == undocumented("cli/main.py", ast.parse(documented)) == []


def module_name(name: str) -> str:
    return f"ranvier.{name.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Some circle in a graph of imports; empty if there is none."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return trail[trail.index(node) :]
        if node in done:
            return []
        for following in sorted(graph[node]):
            cycle = visit(following, [*trail, node])
            if cycle:
                return cycle
        done.add(node)
        return []

    for node in sorted(graph):
        cycle = visit(node, [])
        if cycle:
            return cycle
    return []


def import_graph(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Module -> the modules that it imports: at its top, when it is called, for annotations, but for LAZY_FACADE."""
    facade = {(module_name(name), module) for name, module in LAZY_FACADE}
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        imported: set[str] = set()
        for node in nodes_of(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names} & trees.keys()
                imported |= submodules if len(submodules) == len(node.names) else submodules | {node.module}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
        graph[name] = {module for module in imported & trees.keys() if (name, module) not in facade} - {name}
    return graph


def test_no_circle_among_modules(trees: dict[str, ast.Module]) -> None:
    assert circle(import_graph({module_name(name): tree for name, tree in trees.items()})) == []


def test_no_circle_among_the_files_of_the_page() -> None:
    imported = {file.stem: set(re.findall(r'from "\./(\w+)"', file.read_text())) for file in PAGE_FILES}
    assert len(imported) == len(PAGE_FILES) > 20
    assert circle({name: names & imported.keys() for name, names in imported.items()}) == []


def test_a_circle_of_modules_shows() -> None:
    lazy = "def save():\n    from ranvier.b import load\n"
    for back in ("import ranvier.a", "from ranvier import a", "if TYPE_CHECKING:\n    from ranvier.a import Model\n"):
        modules = {"ranvier.a": ast.parse(lazy), "ranvier.b": ast.parse(back)}
        assert circle(import_graph(modules)) == ["ranvier.a", "ranvier.b"]


def test_every_public_name_loads() -> None:
    import ranvier

    for name in ranvier.__all__:
        assert getattr(ranvier, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ranvier.nothing  # noqa: B018
