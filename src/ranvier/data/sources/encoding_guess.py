"""The encoding of text that is not Unicode, guessed from its letters beyond ASCII.

Encodings of Latin letters are told by alphabets: the first language whose letters are all that occur. Those of other
scripts are told by charset-normalizer. What is guessed does not depend on how often a word occurs.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from ranvier.records import record

NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1254": "Windows-1254",
    "cp1257": "Windows-1257",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp866": "CP866",
    "cp1253": "Windows-1253",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GBK",
    "big5": "Big5",
    "cp949": "EUC-KR",
    "mac_roman": "Mac Roman",
}
"""Python's name of an encoding -> what people call it."""
ALPHABETS = (
    # The letters beyond ASCII of languages, the most used encodings and languages first.
    ("cp1252", "äöüß"),
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),
    ("cp1252", "áéíñóúü"),
    ("cp1252", "áâãàçéêíóôõúü"),
    ("cp1252", "àèéìíîòóùú"),
    ("cp1252", "åäöéüàæøôòó"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áčďéěíňóřšťúůýžäĺľôŕ"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1254", "âçğıîöşüû"),
    ("cp1250", "ăâîşţ"),
    ("cp1250", "čćđšž"),
    ("cp1252", "áðéíóúýþæö"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "āčēģīķļņōŗšūž"),
    ("cp1257", "äõöüšž"),
    ("cp1252", "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿßœšž"),
)
WESTERN = {letter for encoding, letters in ALPHABETS if encoding == "cp1252" for letter in letters}
CAPITALS = "[À-ÖØ-ÞŒŠŸŽ]"
SIGNS = r"[\u0080-\u009f\xa1-\xac\xae-\xb3\xb6\xb8-\xbf\xd7\xf7\u0192\u02c6\u02dc†‡‰‹›\ufffd]"
NO_PART_OF_A_WORD = re.compile(rf"[a-z](?:{SIGNS}|{CAPITALS})|[A-Z]{CAPITALS}[a-z]")
"""A capital letter, or a sign that ends no word, right behind a small letter: there the text is in another encoding."""
LATIN = ("cp1252", "cp1250", "cp1254", "cp1257")
PIECE = re.compile(rb"[^\x00-\x2f]*[\x80-\xff][^\x00-\x2f]*")
"""What stands between blanks, separators and digits, with a byte beyond ASCII."""
SIGNS_LIKE_CP1252 = ("cp1252", "cp1254")
MAX_PIECES = 2000
SIGN_IN_WORD = re.compile(r"[^\W\d_][¿¡³¹ºª¾¼£¥¯][^\W\d_]|[¯³¹¼¾][^\W\d_]")
"""Where signs of Windows-1252 stand in words, they are letters of another encoding."""
MIXED, MAX_MIXED_BYTES = 0.8, 6
"""The fraction of runs of bytes beyond ASCII beside Latin letters, and their length, that rule out other scripts."""
ALONE = 0.5
"""In Latin scripts letters beyond ASCII mostly stand alone; in others they stand together."""


@record
class EncodingGuess:
    """A guess.

    Fields:
        encoding: Python's name of the encoding; "" where it cannot be told.
        alike: encodings that fit as well and give other letters.
    """

    encoding: str
    alike: tuple[str, ...] = ()


def guess_encoding(data: bytes) -> EncodingGuess:
    """The encoding of text with bytes that are no UTF-8.

    >>> guess_encoding("Łódź, Kraków, Gdańsk".encode("cp1250")).encoding
    'cp1250'
    >>> guess_encoding("Москва, Санкт-Петербург, Екатеринбург, Нижний Новгород".encode("cp1251")).encoding
    'cp1251'
    >>> guess_encoding("Казань".encode("cp1251")).encoding
    ''
    """
    pieces = _pieces(data)
    sample = b" ".join(pieces)
    if _is_mac_roman(sample):
        return EncodingGuess("mac_roman")
    latin = _by_alphabet(sample, data)
    if mostly_alone(sample):
        return EncodingGuess(latin or ("cp1252" if _fits("cp1252", sample, data) else ""))
    if _stand_in_latin_words(sample):
        text = sample.decode(latin or "mac_roman")
        spoilt = any(before.islower() and after.isupper() for before, after in pairwise(text))
        western = "cp1252" if _fits("cp1252", sample, data) else "mac_roman"
        return EncodingGuess(western if spoilt or not latin else latin)
    scored = _by_charset_normalizer(sample, data)
    if not scored:
        return EncodingGuess(latin)
    best = scored[0][1]
    alike = tuple(encoding for encoding, score in scored if score == best)
    if latin and {*alike} <= {*LATIN}:
        return EncodingGuess(latin)
    different = {sample.decode(encoding, "replace") for encoding in alike}
    return EncodingGuess(alike[0]) if len(different) == 1 else EncodingGuess("", alike)


def mostly_alone(data: bytes) -> bool:
    """Whether bytes beyond ASCII mostly stand alone, as letters do in the languages of Western Europe.

    >>> mostly_alone("Käse, Öl".encode("cp1252")), mostly_alone("Казань".encode("cp1251"))
    (True, False)
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    return sum(len(run) for run in runs if len(run) > 1) <= ALONE * sum(map(len, runs))


def _is_mac_roman(data: bytes) -> bool:
    """Whether bytes are words of Western Europe as a Mac wrote them, and none as Windows did.

    >>> _is_mac_roman("don’t, café".encode("mac_roman")), _is_mac_roman("don’t, café".encode("cp1252"))
    (True, False)
    """
    if not NO_PART_OF_A_WORD.search(data.decode("cp1252", "replace")):
        return False
    text = data.decode("mac_roman")
    return (
        not NO_PART_OF_A_WORD.search(text)
        and {sign for sign in text.lower() if ord(sign) > 127 and sign.isalpha()} <= WESTERN
    )


def _stand_in_latin_words(data: bytes) -> bool:
    r"""Whether bytes beyond ASCII are short runs beside Latin letters, as where text of Western Europe was spoilt.

    >>> _stand_in_latin_words(b"Pen\xcc\xa9lope, Pe\xcc\xb1a"), _stand_in_latin_words("Казань".encode("cp1251"))
    (True, False)
    """
    runs = re.findall(rb"([A-Za-z]?)([\x80-\xff]+)([A-Za-z]?)", data)
    beside = sum(bool(before or after) for before, _, after in runs)
    return beside >= MIXED * len(runs) and all(len(run) <= MAX_MIXED_BYTES for _, run, _ in runs)


def _pieces(data: bytes) -> list[bytes]:
    """The first different pieces of text with bytes beyond ASCII, in their order."""
    pieces: dict[bytes, None] = {}
    for match in PIECE.finditer(data):
        pieces[match[0]] = None
        if len(pieces) == MAX_PIECES:
            break
    return list(pieces)


def _by_alphabet(sample: bytes, data: bytes) -> str:
    """The encoding in which the letters beyond ASCII are those of one language; "" for none."""
    letters = {}
    for encoding in LATIN:
        if _fits(encoding, sample, data):
            text = sample.decode(encoding, "replace")
            signs = "".join(match[0] for match in SIGN_IN_WORD.finditer(text)) if encoding in SIGNS_LIKE_CP1252 else ""
            in_words = {sign for sign in signs if not sign.isascii()}
            letters[encoding] = in_words | {sign for sign in text.lower() if ord(sign) > 127 and sign.isalpha()}
            letters[encoding] -= {*"ªº"} - in_words
    return next((code for code, alphabet in ALPHABETS if code in letters and letters[code] <= {*alphabet}), "")


def _by_charset_normalizer(sample: bytes, data: bytes) -> list[tuple[str, tuple[float, float]]]:
    """The encodings that fit, the best first, with what charset-normalizer says of each: chaos, and coherence."""
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(NAMES), steps=1, chunk_size=len(sample) + 1, threshold=0.2)
    return [
        (match.encoding, (match.chaos, match.coherence)) for match in matches if _fits(match.encoding, sample, data)
    ]


def _fits(encoding: str, sample: bytes, data: bytes) -> bool:
    """Whether data are text in an encoding, and the sample has no control characters or those for private use."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    text = sample.decode(encoding, "replace")
    return not any(unicodedata.category(sign) in ("Cc", "Co", "Cn") for sign in set(text) if ord(sign) > 127)
