"""Small files, frames and models that the tables of bad inputs speak of."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ranvier as rv

ROWS = [(16 + at * 7 % 20, ("north", "south", "east")[at % 3], ("no", "yes")[at * 5 % 7 > 3]) for at in range(40)]
SHOP = [f"{size},{part},{sold},{size * 3 + at % 4}" for at, (size, part, sold) in enumerate(ROWS)]


def shop(heading: str = "size,part,sold,price", **changed: str) -> str:
    """The table of a shop; `line_7="..."` puts other text on that line of the file."""
    lines = [heading, *SHOP]
    for name, line in changed.items():
        lines[int(name.removeprefix("line_")) - 1] = line
    return "\n".join(lines) + "\n"


TEXTS = {
    "shop.csv": shop(),
    "empty.csv": "",
    "heading.csv": "size,part,sold,price\n",
    "ragged.csv": shop(line_9="20,north,no"),
    "long.csv": shop(line_9="20,north,no,60,1"),
    "quote.csv": shop(line_9='20,"north,no,60'),
    "twice.csv": shop("size,part,sold,size"),
    "infinite.csv": shop(line_9="inf,north,no,60"),
    "other.csv": "height,width\n1,2\n3,4\n",
    "words.csv": shop(line_9="large,north,no,60"),
    "unknown.csv": shop(line_9="20,north,maybe,60"),
    "untold.csv": "size,part,sold,price\n20,north,,60\n21,south,,61\n",
    "one_class.csv": "size,sold\n" + "".join(f"{size},no\n" for size in range(30)),
    "rare.csv": "size,sold\n" + "".join(f"{size},{int(size == 8)}\n" for size in range(30)),
    "two.csv": "size,sold\n1,no\n2,yes\n",
    "odd_price.csv": shop(line_9="20,north,no,dear"),
    "broken.jsonl": '{"size": 1, "sold": "no"}\n{"size": 2, "sold": \n',
    "list.jsonl": "[1, 2]\n[3, 4]\n",
    "paths.csv": "file,kind\n" + "".join(f"pictures/{at}.png,{'ab'[at % 2]}\n" for at in range(20)),
    "notes.docx": "words",
    "book.xlsx": "words",
    "text.rv": "hello " * 40,
}
"""Name -> text of a file."""


def write_files(folder: Path) -> None:
    """Put the files into a folder."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "latin.csv").write_bytes(shop(line_9="20,north,no,60").replace("south", "süd").encode("utf-16")[:-3])
    (folder / "bad_utf8.csv").write_bytes(shop().replace("south", "süd").encode()[:-4] + b"\xc3")
    (folder / "utf32.csv").write_bytes(shop().encode("utf-32")[:-2])
    (folder / "bom.csv").write_bytes(b"\xef\xbb\xbf")
    (folder / "bytes0.csv").write_bytes(b"\0" * 200)
    (folder / "binary.csv").write_bytes(bytes(range(1, 256)) * 20)
    (folder / "only_blanks.csv").write_text("\n\n  \n", encoding="utf-8")
    (folder / "odd.jsonl").write_bytes(b'{"size": 1, "sold": "\xff\xfe"}\n')
    (folder / "other").mkdir()
    _write_other_formats(folder / "other")
    for name in ("parquet", "jsonl", "npz", "txt", "zip", "csv.gz", "rv"):
        (folder / f"empty.{name}").write_bytes(b"")
    (folder / "empty-images-idx3-ubyte").write_bytes(b"")
    (folder / "broken.parquet").write_bytes(b"PAR1" + b"\0" * 40)
    (folder / "cut.csv.gz").write_bytes(gzip.compress(shop().encode())[:-20])
    with zipfile.ZipFile(folder / "nothing.zip", "w"):
        pass
    np.savez(folder / "alone.npz", X=np.zeros((9, 2)))
    (folder / "hollow").mkdir()
    (folder / "photos" / "cats").mkdir(parents=True)
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("all", encoding="utf-8")


def _write_other_formats(folder: Path) -> None:
    """Files of other formats than their names say, and cut ones."""
    buffer = io.BytesIO()
    pl.DataFrame({"size": range(40)}).write_parquet(buffer)
    parquet = buffer.getvalue()
    contents: dict[str, str | bytes] = {
        "cut.parquet": parquet[:-30],
        "page.csv": "<!DOCTYPE html>\n<html><head><title>404, not found</title></head></html>\n",
        "login.csv": "\n<html>\n<body>Please log in, now</body>\n</html>\n",
        "feed.csv": '<?xml version="1.0"?>\n<rows><row a="1"/></rows>\n',
        "old.csv": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "paper.csv": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "photo.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
        "packed.csv": gzip.compress(shop().encode()),
        "rows.tsv": parquet,
        "named.parquet": shop(),
        "plain.csv.gz": shop(),
        "pointer.csv": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "weka.csv": "% made by Weka\n@relation iris\n@attribute size numeric\n@data\n1\n2\n",
        "libsvm.csv": "+1 1:0.5 2:1\n-1 1:0.25 3:2\n",
        "decimals.csv": "price,sold\n"
        + "".join(f"{at + 10},{at % 10},{'no' if at % 2 else 'yes'}\n" for at in range(40)),
        "due.csv": "size,due\n" + "".join(f"{at},2024-{1 + at // 28:02}-{1 + at % 28:02}\n" for at in range(60)),
        "flag.csv": "size,hit\n" + "".join(f"{at},{'1' if at % 2 else 'NA'}\n" for at in range(40)),
        "latin.csv.zst": b"\x28\xb5\x2f\xfd\x00\x58\x09\x00\x00\xfc",
        "plain.csv.zst": shop(),
        "scalar.json": "3",
        "lists.json": "[[1, 2], [3, 4]]",
        "only_target.csv": "sold\n" + "no\nyes\n" * 20,
        "same.csv": "size,sold\n" + "".join(f"7,{'no' if at % 2 else 'yes'}\n" for at in range(40)),
        "names.csv": "size,name\n" + "".join(f"{at},name{at}\n" for at in range(40)),
        "lone.csv": "size,sold\n1,no\n",
        "infinite_price.csv": shop(line_9="20,north,no,inf"),
        "huge_price.csv": shop(line_9="20,north,no,1e300"),
        "turned.csv": "size,part,sold,price\n" + "".join(f"{'ab'[at % 2]},{at},no,3\n" for at in range(20)),
        "pickle.rv": b"\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94.",
        "hdf.rv": b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    for name, members in {
        "book.csv": ["[Content_Types].xml", "xl/workbook.xml"],
        "two.zip": ["a.csv", "b.csv"],
    }.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for member in members:
                archive.writestr(member, shop())
    (folder / "folder.csv").mkdir()


def write_models(folder: Path) -> None:
    """Train the models that predict and evaluate need."""
    frame = frame_of_shop()
    quick: dict[str, Any] = {"recipe": "plain", "hidden": [2], "epochs": 1, "engine": "reference"}
    rv.train(frame, "sold", ignore=["price"], model=folder / "sold.rv", **quick)
    rv.train(frame, "price", ignore=["sold"], model=folder / "price.rv", **quick)
    model_bytes = (folder / "sold.rv").read_bytes()
    (folder / "other" / "half.rv").write_bytes(model_bytes[: len(model_bytes) // 2])
    content = bytearray(model_bytes)
    content[-5] ^= 1
    (folder / "altered.rv").write_bytes(content)


def frame_of_shop() -> pl.DataFrame:
    """The table of a shop in memory."""
    frame = pl.DataFrame(ROWS, schema=["size", "part", "sold"], orient="row")
    return frame.with_columns(price=pl.col("size") * 3 + pl.int_range(pl.len()) % 4)
