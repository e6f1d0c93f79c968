"""Word error rate of `model.listen` on spoken digits that were never heard, strung together: one command.

Run:  RANVIER_DATA=FOLDER python benchmarks/listening.py [--model FILE.rv] [--effort default] [--sentences 10]

FOLDER holds speech/fsdd. A model is trained on takes 5 and later of each digit and speaker, or read from FILE.rv.
Sentences are ten clips of one speaker's takes 0 to 4, in random order, with pauses between them that are as long as the
condition says, and white noise so many dB below the mean power of the words. Errors are the substitutions, insertions
and deletions that take what was heard to what was spoken (Levenshtein), as a share of the words spoken. Beside them
stand the seconds that listening takes for a minute of sound.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import ranvier as rv
from ranvier.data.sounds.decode import decode

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder
from sounds import fsdd
from versus_parts.report import machine

RATE, WORDS = 8000, 10
PAUSES = {"pauses of 0.3 to 0.6 s": (0.3, 0.6), "pauses of 0.05 to 0.2 s": (0.05, 0.2), "no pauses": (0.0, 0.0)}
NOISES = {"60 dB": 60.0, "20 dB": 20.0, "10 dB": 10.0}
RESULTS = Path(__file__).resolve().parent / "results" / "listening.json"


def sentence(
    clips: list[np.ndarray], pause: tuple[float, float], decibels: float, random: np.random.Generator
) -> np.ndarray:
    """Clips with pauses around and between them, and white noise."""
    parts = []
    for at in range(len(clips) + 1):
        first_or_last = at in (0, len(clips))
        seconds = 0.4 if first_or_last else random.uniform(*pause)
        parts += [np.zeros(round(seconds * RATE)), *clips[at : at + 1]]
    samples = np.concatenate(parts)
    power = np.mean(np.concatenate(clips) ** 2)
    noise = random.normal(0.0, np.sqrt(power * 10 ** (-decibels / 10)), len(samples))
    return (samples + noise).astype(np.float32)


def errors(heard: list[Any], spoken: list[Any]) -> int:
    """Levenshtein's distance.

    >>> errors(["1", "3"], ["1", "2", "3", "4"])
    2
    """
    row = list(range(len(spoken) + 1))
    for number, word in enumerate(heard, 1):
        above = row
        row = [number]
        for at, other in enumerate(spoken):
            row.append(min(above[at + 1] + 1, row[at] + 1, above[at] + (word != other)))
    return row[-1]


def main() -> None:
    """Train or read a model, let it listen, print and write what it heard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--effort", default="default")
    parser.add_argument("--sentences", type=int, default=10)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    ((train, test, target, _),) = fsdd(data_folder())
    if options.model is not None and options.model.exists():
        model = rv.load(options.model)
    else:
        model = rv.train(train, target, test=test, effort=options.effort, seed=0, progress=False, model=options.model)
    by_speaker: dict[str, list[tuple[str, str]]] = {}
    for path, digit in zip(test["file"], test["digit"], strict=True):
        by_speaker.setdefault(Path(path).stem.split("_")[1], []).append((path, digit))
    records = []
    for pause_name, pause in PAUSES.items():
        for noise_name, decibels in NOISES.items():
            random = np.random.default_rng(0)
            wrong, spoken_words, length, seconds = 0, 0, 0.0, 0.0
            for number in range(options.sentences):
                speaker = sorted(by_speaker)[number % len(by_speaker)]
                clips = [by_speaker[speaker][at] for at in random.choice(len(by_speaker[speaker]), WORDS, False)]
                samples = sentence([decode(path, RATE)[0] for path, _ in clips], pause, decibels, random)
                start = time.perf_counter()
                heard = [str(sound.label) for sound in model.listen((RATE, samples))]
                seconds += time.perf_counter() - start
                wrong += errors(heard, [digit for _, digit in clips])
                spoken_words += WORDS
                length += len(samples) / RATE
            record = {
                "pauses": pause_name,
                "noise": noise_name,
                "word_error_rate": wrong / spoken_words,
                "seconds_per_minute": 60 * seconds / length,
            }
            records.append(record)
            print(
                f"{pause_name:<24}{noise_name:>7}  word error rate {record['word_error_rate']:.1%}  "
                f"{record['seconds_per_minute']:.2f} s for a minute",
                flush=True,
            )
    options.output.write_text(json.dumps({"machine": machine(), "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
