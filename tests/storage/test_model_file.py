import io
import json
import os
import pickle
import tracemalloc
import zipfile
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save

from ranvier.errors import InputError, ModelFileError, RanvierError
from ranvier.storage import safetensors_file
from ranvier.storage.model_file import read_model, write_model
from ranvier.storage.safetensors_file import CHECKPOINT, DTYPES, MAX_HEADER, MODEL, checksum, pack

ARRAYS = {
    "layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "layers.0.bias": np.array([0.5, -0.5, np.nan]),
    "step": np.array(7),
    "pixels": np.arange(5, dtype=np.uint8),
    "none": np.zeros((0, 4), np.float32),
}
DESCRIPTION = {"inputs": 2, "note": "größer \U0001f9e0", "record": [{"loss": 0.1}, None, True], "zero": -0.0}

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda name: name != "__metadata__")
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in ((first[name], second[name]) for name in first)
    )


def content(**changes: object) -> bytes:
    """A model file with wrong entries in its header and a matching checksum."""
    metadata = {"description": "{}", "format": MODEL.format, "version": "1"} | changes
    if "sha256" not in changes:
        metadata["sha256"] = checksum({}, metadata) if isinstance(metadata["description"], str) else ""
    return framed({"__metadata__": metadata})


def framed(header: object) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "digits.rv"
    write_model(path, ARRAYS, DESCRIPTION)
    return path


@settings(max_examples=80)
@given(
    st.dictionaries(names, arrays, max_size=4), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
)
def test_round_trip(tmp_path_factory, stored: dict[str, np.ndarray], description: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("models") / "a.rv"
    write_model(path, stored, description)
    first = path.read_bytes()
    read, again = read_model(path)
    assert again == description
    assert same(read, stored)
    for array in read.values():
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.flags.aligned
    write_model(path, dict(reversed(read.items())), again)
    assert path.read_bytes() == first


def test_round_trip_of_the_example(model: Path) -> None:
    read, description = read_model(model)
    assert same(read, ARRAYS)
    assert description == DESCRIPTION
    assert list(description) == list(DESCRIPTION)
    read["step"][()] = 8


def test_same_input_gives_the_same_bytes() -> None:
    packed = {b"".join(pack(ARRAYS, DESCRIPTION, MODEL)) for _ in range(20)}
    assert len(packed) == 1


def test_arrays_are_written_from_their_memory() -> None:
    """Copies of large networks and their optimizer states would need as much memory again."""
    stored = {f"{dtype}.{number}": np.ones((3, 4), dtype) for number, dtype in enumerate(DTYPES)}
    _, _, *buffers = pack({**stored, "none": np.zeros((0, 4))}, {}, CHECKPOINT)
    assert len(buffers) == len(stored)
    for array in stored.values():
        assert sum(np.shares_memory(array, np.frombuffer(buffer, np.uint8)) for buffer in buffers) == 1


@given(st.dictionaries(names, arrays, max_size=6))
def test_arrays_lie_where_the_safetensors_library_puts_them(stored: dict[str, np.ndarray]) -> None:
    packed = save(stored)
    length = int.from_bytes(packed[:8], "little")
    _, header, *buffers = pack(stored, {}, MODEL)
    entries = json.loads(bytes(header))
    del entries["__metadata__"]
    assert list(entries.items()) == list(json.loads(packed[8 : 8 + length]).items())
    assert b"".join(buffers) == packed[8 + length :]


def test_the_safetensors_library_reads_the_file(model: Path) -> None:
    assert same(load_file(model), ARRAYS)


def test_memory_order_and_byte_order_do_not_change_the_file(tmp_path: Path) -> None:
    straight = np.arange(12, dtype=np.float64).reshape(3, 4)
    for array in (np.asfortranarray(straight), straight.astype(">f8"), straight[::-1][::-1]):
        write_model(tmp_path / "a.rv", {"weight": array}, {})
        assert same(read_model(tmp_path / "a.rv")[0], {"weight": straight})


@pytest.mark.parametrize(
    ("stored", "description", "message"),
    [
        ({"w": np.zeros(2, complex)}, {}, "'w' has dtype complex128; supported are bool, uint8"),
        ({"w": np.array(["a"])}, {}, "'w' has dtype <U1"),
        ({"w": np.array([{}])}, {}, "'w' has dtype object"),
        ({"w": [1.0]}, {}, "'w' must be a NumPy array; a list was given"),
        ({"__metadata__": np.zeros(2)}, {}, "cannot name an array"),
        ({3: np.zeros(2)}, {}, "cannot name an array"),
        ({"\ud800": np.zeros(2)}, {}, "not valid Unicode"),
        ({}, {"loss": float("nan")}, "description.loss is nan"),
        ({}, ["a"], "must be a dict; a list was given"),
    ],
)
def test_pack_refuses_unsupported_values(tmp_path: Path, stored, description, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_model(tmp_path / "a.rv", stored, description)
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_is_too_large_is_neither_written_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.rv"
    write_model(path, {}, {"text": "x" * 1000})
    monkeypatch.setattr("ranvier.storage.safetensors_file.MAX_HEADER", 1000)
    with pytest.raises(InputError, match="at most 1,000 can be read back"):
        write_model(path, {}, {"text": "x" * 1000})
    with pytest.raises(ModelFileError, match="is not a Ranvier model file"):
        read_model(path)
    path.write_bytes((MAX_HEADER + 1).to_bytes(8, "little") + b"{")
    with pytest.raises(ModelFileError, match="is not a Ranvier model file"):
        read_model(path)


def test_every_single_bit_flip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.rv"
    write_model(path, {"w": np.array([1.0, 2.0], np.float32), "ö": np.array(3, np.uint8)}, {"inputs": 2})
    content = path.read_bytes()
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.raises(ModelFileError):
                read_model(path)
    path.write_bytes(content)
    read_model(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"}  ", b"}\t "), (b"}  ", b"} \n"), (b"\\u00f6", b"\\u00F6"), (b'"dtype"', b'"\\u0064type"'), (b":[]", b": []")],
)
def test_a_header_in_another_form_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "a.rv"
    _, text, body = pack({"öabcdef": np.array(3, np.uint8)}, {}, MODEL)
    assert old in bytes(text)
    for header in (bytes(text), bytes(text).replace(old, new)):
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(body))
        if header == text:
            assert read_model(path)[0]["öabcdef"] == 3
        else:
            with pytest.raises(ModelFileError, match="its header is not as Ranvier writes it"):
                read_model(path)


def test_every_truncation_is_refused(model: Path) -> None:
    content = model.read_bytes()
    for length in range(len(content)):
        os.truncate(model, 0)
        model.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="empty" if length == 0 else "cut off|not a Ranvier"):
            read_model(model)


@settings(max_examples=200)
@given(st.data())
def test_any_changed_bytes_are_refused(tmp_path_factory, data: st.DataObject) -> None:
    content = b"".join(pack(ARRAYS, DESCRIPTION, MODEL))
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(len(content), start + 20)))
    damaged = content[:start] + data.draw(st.binary(max_size=20)) + content[stop:]
    path = tmp_path_factory.getbasetemp() / "damaged.rv"
    path.write_bytes(damaged)
    if damaged == content:
        read_model(path)
    else:
        with pytest.raises(ModelFileError):
            read_model(path)


@settings(max_examples=200)
@given(st.data())
def test_any_wrong_header_is_refused(tmp_path_factory, data: st.DataObject) -> None:
    entry = st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(["F32", "F64", "U8", "BF16", "C64", "F8_E5M2", "X", 3]),
            "shape": st.lists(st.sampled_from([0, 1, 2, 3, -1, 2**40, 2**63, 2**64, "1", None]), max_size=70),
            "data_offsets": st.lists(st.sampled_from([0, 4, 8, 16, -1, 2**63, 2**70, "8", None, 1.5]), max_size=3),
        },
    )
    header = data.draw(st.dictionaries(st.text(max_size=3), entry | st.none() | st.integers(), min_size=1, max_size=3))
    metadata = {"description": "{}", "format": MODEL.format, "sha256": "0" * 64, "version": "1"}
    path = tmp_path_factory.getbasetemp() / "header.rv"
    path.write_bytes(framed({"__metadata__": metadata, **header}) + data.draw(st.sampled_from([b"", bytes(8)])))
    with pytest.raises(ModelFileError):
        read_model(path)


def refused(path: Path, written: bytes) -> str:
    path.write_bytes(written)
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (content(description="{"), "its description is not JSON"),
        (content(description='{"loss":NaN}'), "its description is not JSON"),
        (content(description="[1]"), "its description is not a JSON object"),
        (content(version="0"), "names no version"),
        (content(version=1), "names no version"),
        (content(more="x"), "metadata is incomplete"),
        (content(description=None), "metadata is incomplete"),
        (content(sha256="0" * 64), "checksum does not match"),
        (content() + b"x", "1 byte too many"),
        (framed(b"{]"), "its header cannot be read"),
        (framed(b'{"a":' * 20_000), "its header cannot be read"),
        (framed(b"{}"), "a safetensors file that was not written by Ranvier"),
        (framed({"__metadata__": "x"}), "a safetensors file that was not written by Ranvier"),
        (save({"w": np.zeros(3)}), "a safetensors file that was not written by Ranvier"),
        (save({"w": np.zeros(3)}, {"format": "pt"}), "a safetensors file that was not written by Ranvier"),
        (pickle.dumps({"w": [1.0]}), "pickle, which Ranvier never opens because opening one can run code"),
        (b"age,income\n39,1\n", "text, such as a table in CSV"),
        ("naïve,größe\n".encode() * 100, "text, such as a table in CSV"),
        (b'[{"a": 1}]', "it looks like JSON"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
        (bytes(100), "first bytes are not those of one"),
        (b"", "is empty"),
        (b"\x10\0", "is cut off: it has only 2 bytes"),
    ],
)
def test_error_messages_give_the_reason(tmp_path: Path, written: bytes, message: str) -> None:
    assert message in refused(tmp_path / "a.rv", written)


def test_a_file_without_arrays_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.rv").write_bytes(content())
    assert read_model(tmp_path / "a.rv") == ({}, {})


def test_zip_archives_are_named(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"x")
    assert "zip archive" in refused(tmp_path / "a.rv", buffer.getvalue())


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    refused(tmp_path / "a.rv", pickle.dumps(Trap()))
    assert not (tmp_path / "run").exists()


def test_the_error_names_a_newer_version(tmp_path: Path) -> None:
    message = refused(tmp_path / "a.rv", content(version="2", description='{"ranvier":"3.1"}', signature="new"))
    assert "written by a newer Ranvier (file version 2, Ranvier 3.1; this one reads up to 1)" in message
    assert message.endswith("type: pip install --upgrade ranvier")
    assert "(file version 12; this" in refused(tmp_path / "a.rv", content(version="12", description="["))


def test_a_checkpoint_is_not_a_model_file(tmp_path: Path) -> None:
    message = refused(tmp_path / "a.rv", b"".join(pack({}, {}, CHECKPOINT)))
    assert "is a checkpoint of a run, not a model file; type: ranvier resume RUN" in message


def test_the_error_for_a_missing_file_suggests_a_similar_name(tmp_path: Path, model: Path) -> None:
    (tmp_path / "digits.csv").write_bytes(b"a")
    with pytest.raises(ModelFileError, match=r'There is no model file ".*digit\.rv"\. Did you mean "digits\.rv"\?$'):
        read_model(tmp_path / "digit.rv")
    with pytest.raises(ModelFileError, match=r'The folder ".*nowhere" does not exist\.$'):
        read_model(tmp_path / "nowhere" / "digits.rv")
    with pytest.raises(ModelFileError, match="There is no model file"):
        read_model(model / "deeper.rv")
    with pytest.raises(ModelFileError, match="is a folder, not a model file"):
        read_model(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="has no files"):
        read_model(tmp_path / "empty" / "a.rv")
    with pytest.raises(ModelFileError, match="cannot name a model file"):
        read_model("a\0b")
    with pytest.raises(ModelFileError):
        read_model(tmp_path / ("x" * 300))


def test_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.rv")
    with pytest.raises(ModelFileError, match="not an ordinary file"):
        read_model(tmp_path / "pipe.rv")


def test_sizes_in_the_header_allocate_no_memory(tmp_path: Path) -> None:
    metadata = {"description": "{}", "format": MODEL.format, "sha256": "0" * 64, "version": "1"}
    entry = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
    assert "is cut off" in refused(tmp_path / "a.rv", framed({"__metadata__": metadata, "w": entry}))


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_a_failed_save_keeps_the_earlier_model(model: Path, fail_at, function: str) -> None:
    for number in count(1):
        before = read_model(model)[1]
        fail_at(function, number)
        try:
            write_model(model, {"w": np.ones(8)}, {"attempt": number})
        except RanvierError:
            assert read_model(model)[1] in (before, {"attempt": number})
            assert [path.name for path in model.parent.iterdir()] == ["digits.rv"]
        else:
            break
    assert number > 1
    assert read_model(model)[1] == {"attempt": number}


def test_arrays_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading needs the memory of the arrays, and not a second time that of the whole file."""
    monkeypatch.setattr(safetensors_file, "BYTES_AT_ONCE", 1 << 16)
    arrays = {f"array {at}": np.arange(200_000, dtype=np.float32) + at for at in range(5)}
    path = tmp_path / "model.rv"
    write_model(path, arrays, {"a": 1})
    size = sum(array.nbytes for array in arrays.values())
    tracemalloc.start()
    try:
        read, _ = read_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].flags.writeable
    assert size <= peak < 1.2 * size
