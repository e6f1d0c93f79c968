"""The rules that a machine can check: floors, circles, third parties, sizes, documentation."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ranvier"
FILES = sorted(SOURCE.rglob("*.py"))

FLOORS = {
    "version": 0,
    "errors": 0,
    "records": 0,
    "text_table": 0,
    "plural": 0,
    "portable_math": 0,
    "scalars": 0,
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
    "scipy": ("data/sounds/", "data/text/", "expression/", "reference/", "training/lbfgs.py"),
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


def imports_of(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.append("relative")
            elif node.module == "ranvier":
                found += [f"ranvier.{alias.name}" for alias in node.names]
            elif node.module:
                found.append(node.module)
    return found


def type_checking_only(tree: ast.Module) -> set[int]:
    """The ids of nodes under `if TYPE_CHECKING:`, which never run."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return {id(inner) for block in blocks for inner in ast.walk(block)}


def broken_floors(name: str, text: str) -> list[str]:
    """The imports of a file that break the floors: upward ones and relative ones."""
    tree = ast.parse(text)
    hidden = type_checking_only(tree)
    nodes = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in hidden]
    own = Path(name).parts[0].removesuffix(".py")
    wrong = []
    for module in (module for node in nodes for module in imports_of(node)):
        if module == "relative" or (module.split(".")[0] == "ranvier" and (name, module) not in LAZY_FACADE):
            part = "?" if module == "relative" else part_of(module)
            if part not in FLOORS or (part != own and FLOORS[part] >= FLOORS[own]):
                wrong.append(f"{name} (floor {FLOORS[own]}) imports {module}")
    return wrong


def broken_native_floors(name: str, text: str) -> list[str]:
    """The imports of a file of native/ that break its inner floors."""

    def folder(pieces: list[str]) -> str:
        return pieces[0] if pieces[0] in NATIVE_FLOORS else ""

    tree, wrong = ast.parse(text), []
    hidden = type_checking_only(tree)
    own = folder(name.split("/")[1:])
    nodes = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in hidden]
    for module in (module for node in nodes for module in imports_of(node)):
        pieces = module.split(".")
        if pieces[:2] == ["ranvier", "native"] and len(pieces) > 2:
            part = folder(pieces[2:])
            lower = NATIVE_FLOORS[part] < NATIVE_FLOORS[own] and (
                part != "machine" or not own or (own, part) in ACROSS_NATIVE
            )
            if part != own and not lower:
                wrong.append(f"{name} imports {module}")
    return wrong


def broken_third_parties(name: str, text: str) -> list[str]:
    """The third parties that a file imports outside their allowed places."""
    wrong = []
    for module in imports_of(ast.parse(text)):
        top = module.split(".")[0]
        if top in ("ranvier", "relative") or top in sys.stdlib_module_names:
            continue
        if not any(name.startswith(place) for place in THIRD_PARTIES.get(top, ())):
            wrong.append(f"{name} imports {top}")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    assert broken_floors(name_of(path), path.read_text()) == []


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path).startswith("native/")], ids=name_of)
def test_imports_inside_native_point_downwards(path: Path) -> None:
    assert broken_native_floors(name_of(path), path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_third_parties_stay_in_their_places(path: Path) -> None:
    assert broken_third_parties(name_of(path), path.read_text()) == []


def test_the_checks_can_fail() -> None:
    assert broken_floors("network/layers.py", "from ranvier.model.fit import fit")
    assert broken_floors("network/layers.py", "from ranvier import training")
    assert broken_floors("data/cells/parsing.py", "from . import columns")
    assert broken_native_floors("native/lowering/steps.py", "from ranvier.native.scheduling.tiles import PANEL")
    assert broken_native_floors("native/lowering/steps.py", "from ranvier.native.machine import cpu")
    assert broken_native_floors("native/scheduling/blocking.py", "from ranvier.native.machine import cpu")
    assert broken_native_floors("native/kernels/dense.py", "from ranvier.native.engine import NativeEngine")
    assert broken_native_floors("native/machine/llvm.py", "from ranvier.native.lowering import steps")
    assert not broken_native_floors("native/kernels/dense.py", "from ranvier.native.lowering import steps")
    assert broken_third_parties("network/layers.py", "import polars")
    assert broken_third_parties("cli/main.py", "import requests")


def module_name(path: Path) -> str:
    dotted = ".".join(("ranvier", *path.relative_to(SOURCE).with_suffix("").parts))
    return dotted.removesuffix(".__init__")


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Some circle in a graph of imports; empty if there is none."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return trail[trail.index(node) :]
        if node in done:
            return []
        for following in sorted(graph[node]):
            found = visit(following, [*trail, node])
            if found:
                return found
        done.add(node)
        return []

    for node in sorted(graph):
        found = visit(node, [])
        if found:
            return found
    return []


def import_graph(texts: dict[str, str]) -> dict[str, set[str]]:
    """Module -> the modules that its text imports, at its top or when it is called, but for those of LAZY_FACADE."""
    facade = {(f"ranvier.{name.removesuffix('.py').replace('/', '.')}", module) for name, module in LAZY_FACADE}
    graph: dict[str, set[str]] = {}
    for name, text in texts.items():
        tree = ast.parse(text)
        unused = type_checking_only(tree)
        imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in unused:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names} & texts.keys()
                imported |= submodules if len(submodules) == len(node.names) else submodules | {node.module}
            elif isinstance(node, ast.Import) and id(node) not in unused:
                imported |= {alias.name for alias in node.names}
        graph[name] = {module for module in imported & texts.keys() if (name, module) not in facade} - {name}
    return graph


def test_no_circle_among_modules() -> None:
    assert circle(import_graph({module_name(path): path.read_text() for path in FILES})) == []


def test_a_circle_of_modules_shows() -> None:
    lazy = "def save():\n    from ranvier.b import load\n"
    for back, expected in {
        "import ranvier.a": ["ranvier.a", "ranvier.b"],
        "from ranvier import a": ["ranvier.a", "ranvier.b"],
        "if TYPE_CHECKING:\n    from ranvier.a import Model\n": [],
    }.items():
        assert circle(import_graph({"ranvier.a": lazy, "ranvier.b": back})) == expected


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400, "a file has at most 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            length = (node.end_lineno or 0) - node.lineno + 1 - docstring
            assert length <= 60, f"{node.name} has {length} lines without its docstring; 60 is the most"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a file says what lives in it"
    for node in tree.body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if public and not is_overload(node) and not is_formula(path, node):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def is_overload(node: ast.stmt) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in getattr(node, "decorator_list", ()))


def is_formula(path: Path, node: ast.stmt) -> bool:
    """A few lines of textbook formula in the reference engine, whose name says what they are."""
    return name_of(path).startswith("reference/") and isinstance(node, ast.FunctionDef) and len(node.body) <= 3


def test_every_public_name_loads() -> None:
    import ranvier

    for name in ranvier.__all__:
        assert getattr(ranvier, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ranvier.nothing  # noqa: B018
