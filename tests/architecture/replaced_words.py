"""Words that were replaced by those of the field, and what to write in their place: data for test_words.py."""

from __future__ import annotations

IDENTIFIERS = {
    "found": "what it is: index, match, problems, arrays",
    "given": "what it is: value, source, argument",
    "chosen": "options",
    "said": "predicted, outputs, text",
    "asked": "requested",
    "told": "the name of the value",
    "judged": "evaluation set",
    "watched": "validation",
    "watchers": "callbacks",
    "settled": "resolved",
    "parted": "with thousands separators",
    "gone": "missing",
    "followed": "as used",
    "cooked": "resolved recipe",
    "place": "index, position, path, layer, column",
    "places": "indices, positions, paths, columns",
    "placed": "layer_infos",
    "Placed": "LayerInfo",
    "ungrouped": "block_diagonal_weight",
    "multiplications": "macs",
    "classifies": "is_classifier",
    "sharpness": "temperature",
    "sharpen": "calibrate",
    "explained_share": "calibrated_d2_log_loss",
    "ramps": "piecewise_linear",
    "hats": "spline",
    "waves": "n_frequencies",
    "Choices": "TrainOptions",
    "Sparse": "CSR",
    "Dataset": "Rows",
    "ColumnPlan": "ColumnSchema",
    "Moment": "EpochContext",
    "Decision": "CallbackResult",
    "Course": "LoopConfig",
    "Outcome": "LoopResult",
    "Stopped": "Cancelled",
    "Problem": "CompileSpec",
    "seem_finite": "probably_finite",
    "Cuts": "Blocking",
    "turns": "serialize",
    "partner": "helper",
    "each": "what each of them is: count, heading, weight",
    "one": "what it is: row, entry, unit",
    "dealing": "work_stealing",
    "slope": "derivative (an option of leaky_relu keeps the name)",
    "known": "what it is: encoder, columns, categories, training rows",
    "share": "fraction",
    "shares": "fractions",
    "Goal": "TargetSpec",
    "Seat": "JobContext",
    "kept": "what it is: columns, row_numbers, encoder",
    "whole": "full, all, total, or what it is: document, rows",
    "listed": "entries, or names_text for a text",
    "taken": "what it is: names, rows",
    "seen": "visited, present, or what it is: overview, survey",
    "own": "what it is: row_hashes, settings, statistics",
    "begun": "start, or has_started",
}
"""Whole identifiers: functions, classes, variables, arguments and attributes of programs."""

PARTS = {"crowd": "population", "goal": "target", "seat": "context"}
"""Parts of identifiers, in any case."""

PREFIXES = {"MOST_": "MAX_", "FEWEST_": "MIN_", "LEAST_": "MIN_", "FARTHEST": "MAX_", "LONGEST_": "MAX_"}
"""How constants began."""

PROSE = {
    r"\banew\b": "again",
    r"\bby heart\b": "memorised",
    r"\bborne\b": "tolerated",
    r"\bmanners\b": "conventions",
    r"\bthe law\b": "the specification",
    r"\bspelled[- ]out\b": "expanded",
    r"\bramps\b": "piecewise-linear encoding",
    r"\bhats\b": "linear spline basis",
    r"\bset aside\b": "dropped",
    r"\bof another maker\b": "not written by Ranvier",
    r"\bstrange numbers\b": "NaN and infinities",
    r"\balways guessing\b": "baseline",
    r"\bwhole[- ]numbers?\b": "integer",
    r"\bin any wrapping\b": "in any container",
    r"\bthe house\b": "the package",
    r"\bdealt out\b": "distributed",
    r"\btold from\b": "inferred from",
    r"\bheld[- ]out\b": "test rows",
    r"\bcrowds?\b": "population",
    r"\b(a|the) shares? of (DATA|the rows|rows)\b": "fraction",
}
"""Regular expressions, in any case, for the text of programs, of pages and for names of tests."""

FOREIGN = {"given": "hypothesis"}
"""Identifier of another library -> the library: it stays in files that import it from there."""

ALLOWED = {
    ("tests/data/sounds/test_spectrograms.py", "whole"): "a stored field of SoundFormat",
    ("native/kernels/work_stealing.py", "share"): "the part of a thread, of whole units",
    ("network/renamed.py", "*"): "old names of stored fields",
    ("data/encoders/number.py", "hats"): "an old name of a stored field",
    ("network/activations.py", "slope"): "an option of leaky_relu, as in PyTorch and Keras",
    ("network/initializers.py", "slope"): "an option of He's initializers",
    ("reference/activations.py", "slope"): "an option of leaky_relu",
    **{
        (path, "whole"): "a stored field of SoundFormat"
        for path in (
            "data/encoders/sound.py",
            "data/sounds/fixed_length.py",
            "data/sounds/sound_format.py",
            "model/listening.py",
            "recipes/sound.py",
        )
    },
}
"""(path under src/ranvier or from the root, word): why it may stay there; "*" for every word."""
