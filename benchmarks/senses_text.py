"""How accurate training on texts is, beside linear models of scikit-learn, and how long it takes: one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses_text.py [SET ...] [--effort default] [--seed 0] [--no-versus] [--mlp]

Each set is given to `rv.train` with its official training rows, and is measured on its official test rows. What is
chosen is chosen on training rows alone. Sets without an official split get the one on which the numbers that are asked
for were measured, the same for every seed: 4 of 5 rows, in proportion to the classes; the SMS messages are divided into
five folds, with copies of a message in one fold.

Beside the accuracy stand those of `LinearSVC` and `LogisticRegression` of scikit-learn on TF-IDF of words and pairs of
words and of parts of words, with C chosen by three folds of the training rows, and what was asked for. With --mlp,
scikit-learn's `MLPClassifier` learns from the same features, too. The time is that of the whole call, from the texts to
the report, in seconds of the wall clock and of all processors; the peak of memory is that of the process so far.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ranvier as rv
from ranvier.native.machine import cpu
from ranvier.rows.split import split_groups

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions

RESULTS = Path(__file__).resolve().parent / "results"
FOLDS = 5
C_VALUES = (0.1, 0.5, 2.0, 10.0)
# Set -> accuracy in % that was asked for and hoped for, by effort.
SETS: dict[str, dict[str, tuple[float, float]]] = {
    "sms_spam": {"default": (98.9, 99.2), "best": (99.0, 99.3)},
    "trec": {"default": (87.5, 90.0), "best": (88.0, 90.5)},
    "snips": {"default": (97.3, 98.1), "best": (97.5, 98.3)},
    "banking77": {"default": (91.2, 92.2), "best": (91.5, 92.5)},
    "sst_binary": {"default": (82.5, 84.0), "best": (83.0, 84.5)},
    "imdb_10k": {"default": (86.9, 87.7), "best": (87.2, 88.3)},
    "newsgroups20": {"default": (87.0, 88.0), "best": (87.5, 88.3)},
    "newsgroups20_stripped": {"default": (74.0, 75.0), "best": (74.5, 75.5)},
    "r8": {"default": (96.8, 97.4), "best": (97.0, 97.6)},
    "r52_nostop": {"default": (92.4, 93.4), "best": (92.7, 93.6)},
    "ag_news_7k": {"default": (88.2, 89.9), "best": (88.5, 90.2)},
    "waimai_10k": {"default": (90.0, 91.0), "best": (90.3, 91.5)},
    "10kgnad_testonly": {"default": (75.0, 80.0), "best": (76.0, 80.5)},
    "tweets_sentiment_german": {"default": (63.5, 66.5), "best": (64.0, 67.0)},
}


def table(folder: Path, part: str, label: str = "label") -> pl.DataFrame:
    """The texts and labels of a file."""
    path = folder / f"{part}.csv"
    content = gzip.decompress(path.with_suffix(".csv.gz").read_bytes()) if not path.exists() else path.read_bytes()
    frame = pl.read_csv(content, infer_schema_length=0)
    return frame.select("text", pl.col(label).alias("label"))


def stripped(text: str) -> str:
    """A post without headers, signature and quotes, by the functions of scikit-learn."""
    from sklearn.datasets import _twenty_newsgroups as posts

    # Lines of the training posts are divided by tabs.
    text = text.replace("\t", "\n") if text.count("\t") > text.count("\n") else text
    text = posts.strip_newsgroup_quoting(posts.strip_newsgroup_header(text))
    return str(posts.strip_newsgroup_footer(text))


def parts_of(name: str, texts: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The training and the test rows of a set; several pairs for folds."""
    folder = texts / name.removesuffix("_stripped")
    if name == "sms_spam":
        lines = (folder / "SMSSpamCollection").read_text(encoding="utf-8").split("\n")
        pairs = [line.split("\t", 1) for line in lines if line]
        frame = pl.DataFrame({"text": [text for _, text in pairs], "label": [label for label, _ in pairs]})
        copies = frame["text"].rank("dense").cast(pl.Int64).to_numpy() - 1
        for fold in split_groups(copies, (1 / FOLDS,) * FOLDS, 0, frame["label"].to_numpy()):
            yield frame[np.setdiff1d(np.arange(frame.height), fold)], frame[fold]
    elif name in ("waimai_10k", "10kgnad_testonly"):
        frame = table(folder, "data")
        from sklearn.model_selection import StratifiedShuffleSplit

        splits = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
        train, apart = next(splits.split(np.zeros(frame.height), frame["label"].to_numpy()))
        yield frame[train], frame[apart]
    else:
        label = "coarse" if name == "trec" else "label"
        frames = [table(folder, part, label) for part in ("train", "test")]
        if name.endswith("_stripped"):
            frames = [frame.with_columns(pl.Series("text", [stripped(t) for t in frame["text"]])) for frame in frames]
        yield frames[0], frames[1]


def tfidf_rows(train: pl.DataFrame, test: pl.DataFrame) -> tuple[Any, Any]:
    """The training and test texts by words, pairs of words and parts of words, as sparse rows of scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\w+|[^\w\s]")
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, max_features=100_000)
    union = make_union(words, parts)
    return union.fit_transform(train["text"].to_list()), union.transform(test["text"].to_list())


def mlp_measured(train: pl.DataFrame, test: pl.DataFrame) -> dict[str, float]:
    """The accuracy in % of scikit-learn's network of the same width, and the seconds of processors it takes."""
    from sklearn.neural_network import MLPClassifier

    start = time.process_time()
    rows, test_rows = tfidf_rows(train, test)
    model = MLPClassifier((256,), early_stopping=True, n_iter_no_change=3, random_state=0)
    model.fit(rows, train["label"].to_numpy())
    accuracy = 100 * float(np.mean(model.predict(test_rows) == test["label"].to_numpy()))
    return {"mlp": accuracy, "mlp_cpu_seconds": time.process_time() - start}


def linear_accuracies(train: pl.DataFrame, test: pl.DataFrame) -> dict[str, float]:
    """The accuracy in % of linear models, C chosen by cross-validation on the training rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import LinearSVC

    rows, test_rows = tfidf_rows(train, test)
    labels, accuracies = train["label"].to_numpy(), {}
    for name, model in (("svc", LinearSVC()), ("logistic", LogisticRegression(max_iter=300))):
        # Logistic regression on very many rows and classes takes minutes a value of C.
        large = name == "logistic" and rows.nnz * train["label"].n_unique() > 20_000_000
        values = (10.0,) if large else C_VALUES
        search = GridSearchCV(model, {"C": values}, cv=3) if len(values) > 1 else model.set_params(C=values[0])
        search.fit(rows, labels)
        accuracies[name] = 100 * float(np.mean(search.predict(test_rows) == test["label"].to_numpy()))
    return accuracies


def measured(name: str, texts: Path, effort: str, seed: int, versus: bool, mlp: bool) -> dict[str, Any]:
    """Accuracy in %, seconds and what the recipe chose, over all parts of a set."""
    right, rows, wall, cpu_time = 0.0, 0, 0.0, 0.0
    notes: list[str] = []
    linear: list[dict[str, float]] = []
    others: list[dict[str, float]] = []
    for train, test in parts_of(name, texts):
        start, start_cpu = time.perf_counter(), time.process_time()
        model = rv.train(train, "label", test=test, effort=effort, seed=seed, progress=False)
        wall, cpu_time = wall + time.perf_counter() - start, cpu_time + time.process_time() - start_cpu
        right, rows = right + model.report.metrics["accuracy"] * test.height, rows + test.height
        notes += [note for note in model.report.notes if "linear model alone has" in note]
        peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        linear += [linear_accuracies(train, test)] if versus else []
        others += [mlp_measured(train, test)] if mlp else []
    record = {"set": name, "effort": effort, "seed": seed, "accuracy": 100 * right / rows, "test_rows": rows}
    record |= {"seconds": wall, "cpu_seconds": cpu_time, "inputs": model.network.inputs, "chosen": notes}
    record |= {"peak_megabytes": peak, "processor": cpu.facts().model}
    for figures in (linear, others):
        record |= {key: float(np.mean([values[key] for values in figures])) for key in (figures[0] if figures else ())}
    return record


def main() -> None:
    """Measure the sets that were named, print a line for each and write all of them to results/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--effort", choices=("default", "best"), default="default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-versus", action="store_true", help="leave the linear models out")
    parser.add_argument("--mlp", action="store_true", help="train scikit-learn's network, too, which takes minutes")
    arguments = parser.parse_args()
    folder = data_folder()
    path = RESULTS / f"senses_text_{arguments.effort}.json"
    print(f"{'set':<24}{'asked':>8}{'hoped':>8}{'ours':>8}{'SVC':>8}{'logistic':>10}{'s':>8}{'cpu s':>8}")
    for name in arguments.sets:
        versus = (not arguments.no_versus, arguments.mlp)
        record = measured(name, folder / "text", arguments.effort, arguments.seed, *versus)
        records = {r["set"]: r for r in json.loads(path.read_text())["records"]} if path.exists() else {}
        records[name] = {
            **{key: records.get(name, {}).get(key) for key in ("svc", "logistic", "mlp", "mlp_cpu_seconds")},
            **record,
        }
        record = records[name]
        accuracies = (*SETS[name][arguments.effort], record["accuracy"])
        linear = [f"{record[key]:.2f}" if record[key] is not None else "-" for key in ("svc", "logistic")]
        row = f"{name:<24}" + "".join(f"{value:>8.2f}" for value in accuracies) + f"{linear[0]:>8}{linear[1]:>10}"
        print(f"{row}{record['seconds']:>8.0f}{record['cpu_seconds']:>8.0f}", flush=True)
        RESULTS.mkdir(exist_ok=True)
        described = {
            "versions": versions(("numpy", "polars", "scikit-learn")),
            "records": [records[label] for label in SETS if label in records],
        }
        path.write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
