"""Encodings of text files: read where they can be told, said where they are guessed, refused otherwise."""

from __future__ import annotations

import io
import sys

import pytest

from ranvier.data.sources.reading import Reading
from ranvier.data.sources.standard_input import open_standard_input
from ranvier.data.sources.text_encoding import as_utf8, decode_text, line_of
from ranvier.errors import DataError, InputError

TEXT = "name,x\nCafé,1\nZürich,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_needs_no_note(encoding: str) -> None:
    assert as_utf8(TEXT.encode(encoding), "The file") == (TEXT.encode(), [], "")


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_a_mark(mark: str) -> None:
    assert as_utf8(("\ufeff" + TEXT).encode(mark), "The file")[0] == TEXT.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_says_the_encoding_of_running_text(encoding: str) -> None:
    assert decode_text(("\ufeff" + TEXT).encode(encoding)) == (TEXT, encoding)


@pytest.mark.parametrize(("encoding", "text"), [("cp1252", TEXT + "€,3\n"), ("latin-1", TEXT + "\x81,3\n")])
def test_western_text_is_guessed_and_said(encoding: str, text: str) -> None:
    data, notes, read_in = as_utf8(text.encode(encoding), "The file")
    assert (data.decode(), read_in) == (text, encoding)
    name = "Windows-1252" if encoding == "cp1252" else "Latin-1"
    assert notes == [f'The text is not UTF-8 and was read as {name}; its first letter beyond ASCII is "é" in line 2.']


LANGUAGES = {
    "French on a Mac": ("mac_roman", "Mac Roman", "café élève naïve garçon forêt hôtel déjà Noël cœur"),
    "English on a Mac": ("mac_roman", "Mac Roman", "don’t it’s they’re José Muñoz “so” – café"),
    "Spanish on a Mac": ("mac_roman", "Mac Roman", "Rodríguez Cerón Vélez año Muñoz camión"),
    "Polish": (
        "cp1250",
        "Windows-1250",
        "Łódź Kraków Gdańsk Częstochowa Żory Dąbrowa Rzeszów Świnoujście żółty mały książka sześć",
    ),
    "Czech": (
        "cp1250",
        "Windows-1250",
        "Plzeň Děčín Třebíč Příbram Žďár muž vyšší střední základní červený žlutý středa čtvrtek",
    ),
    "Hungarian": (
        "cp1250",
        "Windows-1250",
        "Győr Székesfehérvár Pécs férfi nő középiskola felső zöld hétfő csütörtök szűk fűző",
    ),
    "German": (
        "cp1252",
        "Windows-1252",
        "München Köln Düsseldorf Würzburg Straße groß schön weiß grün männlich Österreich",
    ),
    "French": ("cp1252", "Windows-1252", "Orléans Besançon Nîmes Béziers élevé très là où forêt garçon mère père âge"),
    "Spanish": (
        "cp1252",
        "Windows-1252",
        "España Málaga Córdoba niño niña mañana sí también educación dirección código",
    ),
    "Swedish": ("cp1252", "Windows-1252", "Göteborg Malmö Västerås Örebro Umeå Gävle Borås ålder människa hög låg"),
    "Turkish": (
        "cp1254",
        "Windows-1254",
        "İstanbul Şanlıurfa Muğla Eskişehir Diyarbakır Çanakkale kadın yüksek kırmızı öğrenci",
    ),
    "Lithuanian": (
        "cp1257",
        "Windows-1257",
        "Šiauliai Panevėžys Klaipėda vyras aukštas žemas išsilavinimas mėlyna žalia įmonė ąžuolas",
    ),
    "Russian": (
        "cp1251",
        "Windows-1251",
        "Москва Санкт-Петербург Новосибирск Екатеринбург Казань мужской женский высокий низкий средний",
    ),
    "Russian of Unix": (
        "koi8_r",
        "KOI8-R",
        "Москва Санкт-Петербург Новосибирск Екатеринбург Казань мужской женский высокий низкий средний",
    ),
    "Russian of DOS": (
        "cp866",
        "CP866",
        "Москва Санкт-Петербург Новосибирск Екатеринбург Казань мужской женский высокий низкий средний",
    ),
    "Greek": (
        "cp1253",
        "Windows-1253",
        "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα άνδρας γυναίκα υψηλό χαμηλό κόκκινο πράσινο",
    ),
    "Japanese": (
        "cp932",
        "Shift-JIS",
        "東京都 大阪府 北海道 神奈川県 男性 女性 高い 低い ありがとう カタカナ データ 年齢 はい いいえ",
    ),
    "Chinese": (
        "gb18030",
        "GBK",
        "北京 上海 广州 深圳 成都 杭州 重庆 武汉 红色 蓝色 绿色 年龄 收入 教育程度 商品名称 价格 数量",
    ),
    "Chinese of Taiwan": (
        "big5",
        "Big5",
        "臺北市 新北市 桃園市 高雄市 紅色 藍色 綠色 年齡 收入 教育程度 商品名稱 價格 數量 日期",
    ),
    "Korean": (
        "cp949",
        "EUC-KR",
        "서울특별시 부산광역시 대구광역시 인천광역시 남성 여성 높음 낮음 빨강 파랑 나이 소득 학력",
    ),
}


def rows_of(words: str) -> str:
    """A table in which each word stands twice."""
    return "name,x\n" + "".join(f"{word},{n}\n" for n, word in enumerate(words.split() * 2))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_encoding_of_a_language_is_guessed_and_said(language: str) -> None:
    encoding, name, words = LANGUAGES[language]
    text = rows_of(words)
    data, notes, read_in = as_utf8(text.encode(encoding), "The file")
    letter = next(letter for letter in text if not letter.isascii())
    line = text.count("\n", 0, text.index(letter)) + 1
    assert (data.decode(), read_in) == (text, encoding)
    assert notes == [
        f'The text is not UTF-8 and was read as {name}; its first letter beyond ASCII is "{letter}" in line {line}.'
    ]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"Rodr\xcc_guez\nS\xcc\xc1nchez\nDemi\xcc\xc1n\nB\x81e\n", "mac_roman"),
        (b"Sheriff\xcc_\xcc_\xe5\xc8s\nChape\xcc_\xe5\xb1o\nRub\xcc_\xe5\xa9n\n", "cp1252"),
        (b"Osme\xcc\xb1a\nCh\xcc\xc1vez\n", "cp1252"),
    ],
)
def test_spoilt_names_in_english_text_are_of_no_other_script(data: bytes, encoding: str) -> None:
    assert as_utf8(b"name\n" + data, "The file")[2] == encoding


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guess_does_not_hang_on_the_length_of_a_file(language: str) -> None:
    encoding, _, words = LANGUAGES[language]
    begin, end = "a,b\n" + "1,2\n" * 5000, "3,4\n" * 5000
    for text in (begin + rows_of(words) + end, rows_of(words) * 50):
        assert as_utf8(text.encode(encoding), "The file")[0].decode() == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_named_encoding_overrules_the_guess(language: str) -> None:
    encoding, _, words = LANGUAGES[language]
    word = words.split()[0]
    assert as_utf8(word.encode(encoding), "The file", Reading(encoding=encoding)) == (word.encode(), [], encoding)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_usual_encoding_comes_before_the_guess_and_after_unicode(language: str) -> None:
    encoding, name, words = LANGUAGES[language]
    word, reading = next(word for word in words.split() if not word.isascii()), Reading(usual_encoding=encoding)
    data, notes, read_in = as_utf8(word.encode(encoding), "The file", reading)
    assert (data.decode(), read_in) == (word, encoding)
    assert f"was read as {name}" in notes[0]
    assert as_utf8(word.encode(), "The file", reading) == (word.encode(), [], "")


def test_an_unusual_encoding_is_guessed_where_the_usual_one_does_not_fit() -> None:
    assert as_utf8(TEXT.encode("cp1252"), "The file", Reading(usual_encoding="cp932"))[2] == "cp1252"


def test_an_encoding_that_does_not_fit_or_does_not_exist_is_refused() -> None:
    with pytest.raises(DataError, match="The file is not text in euc_jp: byte 0xFF in line 2 does not fit"):
        as_utf8(b"a,b\n\xff\xff,1\n", "The file", Reading(encoding="euc_jp"))
    with pytest.raises(InputError, match=r"There is no encoding 'cp125'\. Did you mean"):
        as_utf8(b"a,b\n", "The file", Reading(encoding="cp125"))


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_utf_16_without_a_mark(language: str, order: str) -> None:
    text = rows_of(LANGUAGES[language][2])
    assert as_utf8(text.encode(order), "The file") == (text.encode(), [], "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Казань", "cp1251"),
        ("привет", "cp1251"),
        ("привет", "koi8_r"),
        ("ירוק", "cp1255"),
        ("ναι", "cp1253"),
    ],
)
def test_too_few_letters_are_refused(text: str, encoding: str) -> None:
    message = (
        r"in line 2\), and its encoding cannot be told \(it may be .* or another one\)\. "
        r"Say it: --encoding (\w+) \(encoding='\1'\)\.$"
    )
    with pytest.raises(DataError, match=message):
        as_utf8(f"name,x\n{text},1\n".encode(encoding), "The file")


def test_the_encoding_that_is_given_as_an_example_is_one_of_those_that_it_may_be() -> None:
    with pytest.raises(DataError, match=r"may be Shift-JIS or .*\. Say it: --encoding cp932 \(encoding='cp932'\)\.$"):
        as_utf8("x,y\n1,赤いリンゴ\n2,青いリンゴ\n".encode("cp932"), "The file")


def test_damaged_text_is_refused_by_line() -> None:
    with pytest.raises(DataError, match="is UTF-8 text except for byte 0xE9 in line 3"):
        as_utf8("é,é\nü,ö\n".encode() + b"caf\xe9,1\n", "The file")
    with pytest.raises(DataError, match="begins like UTF-16 text and is damaged"):
        as_utf8(TEXT.encode("utf-16") + b"\x00", "The file")
    with pytest.raises(DataError, match="is not a text file"):
        as_utf8(bytes(range(32)) * 20, "The file")
    with pytest.raises(DataError, match="has a zero byte in line 2"):
        as_utf8(b"a,b\n1,\x00\n", "The file")


@pytest.mark.parametrize(("unicode", "others"), [(1, 1), (2, 3), (5, 1)])
def test_files_in_two_encodings_are_refused(unicode: int, others: int) -> None:
    data = b"name,x\n" + "sétosa,1\n".encode() * unicode + "virgínica,2\n".encode("latin-1") * others
    with pytest.raises(DataError, match=f"is UTF-8 text except for byte 0xED in line {unicode + 2}"):
        as_utf8(data, "The file")


def test_two_letters_that_would_be_one_of_unicode_are_no_damage() -> None:
    data = "name,x\n«Spaß»,1\nGröße,2\nMaß,3\n".encode("cp1252")
    assert as_utf8(data, "The file")[2] == "cp1252"


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1d"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_on_standard_input_end_where_lines_do(sign: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = f"one{sign}text{end}{end}another"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert open_standard_input(text_column="note").frame["note"].to_list() == [f"one{sign}text", "", "another"]


def test_lines_end_in_three_ways() -> None:
    assert [line_of(b"a\r\nb\rc\nd", at) for at in (0, 3, 5, 7)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Käse".encode("utf-16-le"), "utf-16-le"),
        ("Käse".encode("utf-16-be"), "utf-16-be"),
        ("Käse".encode("utf-32"), "utf-32-le"),
        ("Käse €".encode("cp1252"), "cp1252"),
        (b"K\xe4se \x81", "latin-1"),
        ("Käse".encode("utf-8-sig"), "utf-8"),
    ],
)
def test_running_text_and_tables_are_guessed_alike(data: bytes, encoding: str) -> None:
    text, read_as = decode_text(data)
    assert read_as == encoding
    assert text.startswith("Käse")
    assert as_utf8(data, "The file")[0].decode() == text
