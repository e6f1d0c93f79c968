"""`ranvier search`: try many settings for some minutes, and train the best ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE, INTERRUPTED
from ranvier.cli.options import FiniteRange, GroupedCommand, GroupedOption, json_option, quiet_option
from ranvier.cli.train import default_model, passed_options, with_options
from ranvier.plural import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from ranvier.tuning.generations import SearchProgress
    from ranvier.tuning.search import Search

F = TypeVar("F", bound="Callable[..., Any] | click.Command")
SHARED = {"Data", "Recipe", "Pictures", "Machine"}
FLAGS = ("--class-weight", "--threshold", "--seed")
"""The options of `ranvier train` that a search has, too: groups of them, and single ones."""


def _option(*flags: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*flags, cls=GroupedOption, group="Search", **settings)


@click.command("search", cls=GroupedCommand)
@click.argument("data", metavar="DATA")
@_option("--minutes", type=FiniteRange(0, min_open=True), default=5.0, metavar="N", help="How long; 5 by default.")
@_option(
    "--trials", type=click.IntRange(min=1), metavar="N", help="At most so many trials, in whole generations of nine."
)
@_option(
    "--space",
    multiple=True,
    metavar="OPTION=VALUES",
    help="dropout=0:0.3, activation=relu,silu, hidden=64,256-128; batch_size= leaves it out. Repeat it.",
)
@_option("--print-space", is_flag=True, help="Print what would be searched, and stop.")
@_option(
    "--folder", metavar="FOLDER", help="Keep trials and model here; the same command goes on. NAME-search by default."
)
@_option("--storage", metavar="DATABASE", help="Keep the trials there instead: an SQLite file, or a URL for Optuna.")
@with_options(SHARED, FLAGS)
@quiet_option
@json_option
def command(
    data: str,
    minutes: float,
    trials: int | None,
    space: tuple[str, ...],
    print_space: bool,
    folder: str | None,
    storage: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Search settings for some minutes, and train the best ones.

    Nine settings at a time are trained on DATA, the promising ones longer. Each generation is kept in a folder, and the
    same command goes on there. It needs Optuna: pip install 'ranvier[search]'.
    """
    import ranvier
    from ranvier.tuning.space import parse_space, space_lines

    passed = passed_options(data, options)
    output = Output(as_json, quiet)
    changes = parse_space(space) or None
    if print_space:
        from ranvier.tuning.search import space_of

        lines = space_lines(space_of(data, space=changes, **passed))
        for line in lines:
            output.say(f"--space {line}")
        output.finish(lambda: lines)
        return DONE
    name = Path(default_model(data, passed["target"])).stem
    folder = f"{name}-search" if folder is None else folder
    with SearchDisplay(output) as show:
        result = ranvier.search(
            data,
            minutes=minutes,
            trials=trials,
            space=changes,
            folder=folder,
            storage=storage,
            on_progress=show,
            **passed,
        )
    _print(output, result, folder)
    output.finish(result.to_dict)
    return INTERRUPTED if result.interrupted else DONE


class SearchDisplay:
    """Shows generations: a table that is replaced where that can be, a line for each elsewhere."""

    def __init__(self, output: Output) -> None:
        from ranvier.display.live import live_on

        self._output = output
        self._latest: SearchProgress | None = None
        self._live = None if output.console.quiet else live_on(output.console, self._render)

    def __enter__(self) -> SearchDisplay:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, progress: SearchProgress) -> None:
        """Show where the search stands."""
        self._latest = progress
        if self._live is None:
            self._output.say(_standing(progress))

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        if self._latest is None:
            return Text("Reading the data and training the first generation ...")
        return Group(_table(self._latest.trials, self._latest.metric), Text(_standing(self._latest), "dim"))


def _standing(progress: SearchProgress) -> str:
    from ranvier.display.format import duration, number

    best, recipe_value = progress.best, progress.trials[0].value
    value = "none yet" if best is None or best.value is None else number(best.value)
    beside = "" if recipe_value is None else f" (the recipe's own: {number(recipe_value)})"
    left = duration(max(progress.seconds - progress.elapsed, 0.0))
    words = {"log_loss": "log loss", "rmse": "RMSE"}[progress.metric]
    count = plural(len(progress.trials), "trial")
    return f"{count}. Best {words} {value}{beside}. {left} left."


def _table(trials: Any, metric: str) -> Any:
    from ranvier.display.search_table import search_table
    from ranvier.tuning.study import rank

    fields = ("number", "value", "epochs", "seconds", "options")
    rows = [{name: getattr(trial, name) for name in fields} for trial in sorted(trials, key=rank)]
    return search_table(rows, metric)


def _print(output: Output, result: Search, folder: str) -> None:
    if result.interrupted:
        say = output.say_error if output.console.quiet else output.say
        say(f"Interrupted after {plural(len(result.trials), 'trial')}. The same command goes on.")
        return
    if output.console.quiet:
        return
    for note in result.notes:
        output.say(note)
    if len(result.trials) < 2:
        output.say("The time was over before nine settings were tried: this is the recipe itself. Give more --minutes.")
    else:
        output.heading(f"The best of {len(result.trials):,} trials")
        output.console.print(_table(result.trials, result.metric))
    if len({trial.rung for trial in result.trials}) > 1:
        output.say("Trials that were stopped early stand below those that were trained to the end.", "dim")
    model = result.model
    if model is not None and model.report is not None:
        from ranvier.display.format import number

        measured = ", ".join(f"{name} {number(value)}" for name, value in model.report.metrics.items())
        output.say()
        output.say(f"On test rows, which no trial has seen: {measured}.")
    output.say()
    cut_short = model is None or (model.report is not None and model.report.interrupted)
    output.say("In Python, trained in full:" if cut_short else "The same model in Python:")
    for line in ("import ranvier as rv", f"model = {result.code}"):
        output.console.print(f"  {line}", soft_wrap=True, markup=False)
    output.say()
    output.commands([(f"ranvier show {Path(folder) / 'best.rv'}", "look inside")])
