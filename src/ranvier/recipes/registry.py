"""All recipes by name, and which one fits which data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ranvier.data import Arrays, Source, infer_schema
from ranvier.data.columns.kind_inference import is_picture_dtype
from ranvier.data.language.corpus import is_plain_text
from ranvier.errors import InputError, RanvierError, nearest
from ranvier.recipes.image import IMAGE_PRESETS
from ranvier.recipes.language import LANGUAGE_PRESETS
from ranvier.recipes.options import EFFORTS, TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.recipes.recipe import Recipe
from ranvier.recipes.sound import SOUND_PRESETS
from ranvier.recipes.table import PRESETS
from ranvier.recipes.text import TEXT_PRESETS
from ranvier.rows import CSR

RECIPES: dict[str, Callable[[str], Recipe]] = {
    "table": lambda effort: PRESETS[effort],
    "image": lambda effort: IMAGE_PRESETS[effort],
    "sound": lambda effort: SOUND_PRESETS[effort],
    "text": lambda effort: TEXT_PRESETS[effort],
    "language": lambda effort: LANGUAGE_PRESETS[effort],
    "plain": lambda effort: PlainRecipe(),
}
"""Name -> the recipe for an effort."""
LOOKED_AT = 5_000
"""Rows by which "auto" tells whether a table holds texts alone."""
CLASSES: dict[str, type[Recipe]] = {name: type(make("default")) for name, make in RECIPES.items()}
"""Name -> the class whose `from_dict` reads a recipe of this name."""
AUTO: dict[str, tuple[str, str]] = {
    "table": ("table", ""),
    "image": ("image", ""),
    "sound": ("sound", ""),
    "text": ("text", ""),
    "language": ("language", ""),
    "array": ("plain", "The rows are arrays of several dimensions"),
    "csr": ("plain", "The rows are a sparse matrix"),
}
"""Kind of data -> the recipe that "auto" takes, and what the report says about it; empty where it is the usual one."""


def recipe(name: str | Recipe = "table", effort: str = "default") -> Recipe:
    """The recipe of a name, for an effort.

    Parameters:
        name: "table", "image", "sound", "text", "language" or "plain"; or a recipe, which is returned unchanged.
        effort: how much work goes into it: "fast", "default" or "best". "plain" is the same for all.

    Raises:
        InputError: there is no such recipe or effort.

    >>> from dataclasses import replace
    >>> replace(recipe("table"), n_networks=3).n_networks
    3
    >>> recipe("tabel")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no recipe 'tabel'. Did you mean "table"?
    """
    check_recipe(name, effort)
    return name if isinstance(name, Recipe) else RECIPES[name](effort)


def check_recipe(name: Any, effort: Any) -> None:
    """Raise an `InputError` unless this is "auto" or a recipe, with an effort that goes with it."""
    if not isinstance(effort, str) or effort not in EFFORTS:
        raise InputError(f"There is no effort {effort!r}. {nearest(str(effort), EFFORTS)}")
    if isinstance(name, Recipe):
        if effort != "default":
            raise InputError(
                f"The recipe is a record already, and the effort is {effort!r}; give the recipe without an effort, or "
                "its name."
            )
    elif not isinstance(name, str) or name not in (*RECIPES, "auto"):
        raise InputError(f"There is no recipe {name!r}. {nearest(str(name), ('auto', *RECIPES))}")
    elif name == "plain" and effort != "default":
        raise InputError(f"The recipe 'plain' has no efforts, and the effort is {effort!r}; take recipe='auto'.")


def recipe_for(
    name: str | Recipe, effort: str, source: Source, options: TrainOptions | None = None
) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe for a source, and notes on it for the report.

    Parameters:
        name, effort: as for `recipe`; "auto" takes the recipe that `AUTO` names for this kind of data.
        source: the opened data.
        options: which name the target and columns that are no inputs, and how many networks are trained.

    >>> from ranvier.data import open_source
    >>> recipe_for("auto", "fast", open_source({"age": [39, 50]}))[0].name
    'table'
    """
    options, notes = options or TrainOptions(), tuple[str, ...]()
    if name == "auto":
        check_recipe(name, effort)
        kind_name, reason = AUTO[_kind(source, options)]
        notes = (f"{reason}: one network is trained, as by recipe='plain'.",) if reason else ()
        named = RECIPES[kind_name](effort)
    else:
        named = recipe(name, effort)
    return named if options.members is None else named.with_members(options.members), notes


def recipe_from_dict(data: Mapping[str, Any]) -> Recipe:
    """The recipe that a run folder describes: its name and parts; without a name, of version 0.1, a table recipe."""
    return CLASSES[data.get("name", "table")].from_dict(data)


def _kind(source: Source, options: TrainOptions) -> str:
    """What the rows of a source are, a key of `AUTO`."""
    if is_plain_text(source) and (options.target is None):
        return "language"
    if not isinstance(source, Arrays):
        return _kind_of_files(source, options) or ("text" if _are_texts(source, options) else "table")
    if isinstance(source.inputs, CSR):
        return "csr"
    if len(source.shape) < 2:
        return "table"
    return "image" if source.as_pictures("image").column_names else "array"


def _kind_of_files(source: Source, options: TrainOptions) -> str | None:
    """ "image" or "sound" where the inputs of a table are one column of pictures or of recordings."""
    kinds = {**source.kinds, **(options.kinds or {})}
    files = not {"image", "sound"}.isdisjoint(kinds.values())
    if not files and not any(is_picture_dtype(dtype) for dtype in source.frame.dtypes):
        return None
    used = _kinds_of_inputs(source, source.frame, options)
    return used[0] if used in (["image"], ["sound"]) else None


def _are_texts(source: Source, options: TrainOptions) -> bool:
    """Whether all inputs of a table are columns of texts, by some of its rows."""
    frame = source.frame.gather_every(-(-source.rows // LOOKED_AT))
    try:
        kinds = _kinds_of_inputs(source, frame, options)
    except RanvierError:
        return False
    return bool(kinds) and set(kinds) == {"text"}


def _kinds_of_inputs(source: Source, frame: Any, options: TrainOptions) -> list[str]:
    """The kinds of the columns that are inputs."""
    kinds = {**source.kinds, **(options.kinds or {})}
    target = (options.target,) if isinstance(options.target, str) else options.target or source.target_names
    ignored = (*target, *options.ignore, *((options.group,) if options.group else ()))
    present = [name for name in source.column_names if name not in ignored]
    given_kinds = {name: kind for name, kind in kinds.items() if name in present}
    schema = infer_schema(frame.select(present), (), given_kinds) if present else ()
    return [column.kind for column in schema if column.used]
