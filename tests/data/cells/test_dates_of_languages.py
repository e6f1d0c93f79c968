"""Dates in the words, digits and orders of other languages, and as logs and devices write them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from ranvier.data import TableEncoder, encoder_from_dict, infer_schema
from ranvier.data.cells.month_names import MONTHS, NAMES

Datetime = datetime.datetime
TIMES = [
    Datetime(2000, 10, 1, 0, 5, 9) + datetime.timedelta(days=37 * at, hours=5 * at % 24, minutes=at) for at in range(30)
]
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
CROATIAN = ["siječnja", "veljače", "ožujka", "travnja", "svibnja", "lipnja", "srpnja", "kolovoza", "rujna", "listopada"]
CROATIAN += ["studenoga", "prosinca"]
CROATIAN_MONTHS = ["siječanj", "veljača", "ožujak", "travanj", "svibanj", "lipanj", "srpanj", "kolovoz", "rujan"]
CROATIAN_MONTHS += ["listopad", "studeni", "prosinac"]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LANGUAGES = {
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "French, short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Spanish, short": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Portuguese, short": "jan fev mar abr mai jun jul ago set out nov dez",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Italian, short": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "Polish": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "Russian": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "Swedish": "januari februari mars april maj juni juli augusti september oktober november december",
    "Turkish": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "Indonesian": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "Czech, in words": "ledna února března dubna května června července srpna září října listopadu prosince",
    "Catalan": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "Greek": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου "
    "Νοεμβρίου Δεκεμβρίου",
    "Arabic": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "Hebrew": "בינואר בפברואר במרץ באפריל במאי ביוני ביולי באוגוסט בספטמבר באוקטובר בנובמבר בדצמבר",
    "Hindi": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
    "Thai": "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม",
    "Bulgarian": "януари февруари март април май юни юли август септември октомври ноември декември",
    "Serbian": "јануар фебруар март април мај јун јул август септембар октобар новембар децембар",
    "Lithuanian": "sausio vasario kovo balandžio gegužės birželio liepos rugpjūčio rugsėjo spalio lapkričio gruodžio",
    "Latvian": "janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris decembris",
    "Estonian": "jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember",
    "Icelandic": "janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember",
    "Swahili": "Januari Februari Machi Aprili Mei Juni Julai Agosti Septemba Oktoba Novemba Desemba",
    "Filipino": "Enero Pebrero Marso Abril Mayo Hunyo Hulyo Agosto Setyembre Oktubre Nobyembre Disyembre",
    "Russian, short": "янв фев мар апр мая июн июл авг сен окт ноя дек",
}
ARABIC, PERSIAN, FULL = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９"


def digits(text: str, script: str) -> str:
    return text.translate(str.maketrans("0123456789", script))


def day_of(time: Datetime) -> Datetime:
    return Datetime(time.year, time.month, time.day)


def minute_of(time: Datetime) -> Datetime:
    return time.replace(second=0)


def second_of(time: Datetime) -> Datetime:
    return time


def quarter_of(time: Datetime) -> Datetime:
    return Datetime(time.year, (time.month + 2) // 3 * 3 - 2, 1)


def named(form: str, months: str) -> Callable[[Datetime], str]:
    words = months.split()
    return lambda time: form.format(d=time.day, m=words[time.month - 1], y=time.year, s=time.year % 100)


FORMS: dict[str, tuple[Callable[[Datetime], str], Callable[[Datetime], Datetime]]] = {
    # a time as it is written, what is read of it
    **{f"{name}: 5 month 2021": (named("{d} {m} {y}", words), day_of) for name, words in LANGUAGES.items()},
    "Spanish: 5 de enero de 2021": (named("{d} de {m} de {y}", LANGUAGES["Spanish"]), day_of),
    "Portuguese: 5 de março de 2021": (named("{d} de {m} de {y}", LANGUAGES["Portuguese"]), day_of),
    "Spanish: 5-ene-21": (named("{d}-{m}-{s:02}", LANGUAGES["Spanish, short"]), day_of),
    "Russian with a year's sign": (named("{d} {m} {y} г.", LANGUAGES["Russian"]), day_of),
    "French with a day of the week": (named("lundi {d} {m} {y}", LANGUAGES["French"]), day_of),
    "Spanish month": (named("{m} de {y}", LANGUAGES["Spanish"]), lambda time: day_of(time).replace(day=1)),
    "Vietnamese": (lambda time: f"{time.day} tháng {time.month} năm {time.year}", day_of),
    "Vietnamese with a comma": (lambda time: f"ngày {time.day} tháng {time.month}, {time.year}", day_of),
    "the time in front": (lambda time: f"{time:%H:%M %d/%m/%Y}", minute_of),
    "the time in front of words": (
        lambda time: f"{time:%I:%M %p} - {time.day} {ENGLISH[time.month - 1]} {time.year}",
        minute_of,
    ),
    "a point in the time": (lambda time: f"{time:%d-%m-%Y %H.%M}", minute_of),
    "two points in the time": (lambda time: f"{time:%d.%m.%Y %H.%M.%S}", second_of),
    "eight digits, the day first": (lambda time: f"{time:%d%m%Y}", day_of),
    "eight digits, the month first": (lambda time: f"{time:%m%d%Y}", day_of),
    "Croatian": (
        lambda time: f"{time.day}. {CROATIAN[time.month - 1]} {time.year}.",
        day_of,
    ),
    "Croatian month": (
        lambda time: f"{CROATIAN_MONTHS[time.month - 1]} {time.year}.",
        lambda time: day_of(time).replace(day=1),
    ),
    "JavaScript": (
        lambda time: (
            f"{DAYS[time.weekday()]} {ENGLISH[time.month - 1]} {time:%d %Y %H:%M:%S} GMT+0200 (Central European Time)"
        ),
        second_of,
    ),
    "a quarter in words": (
        lambda time: f"{('1st', '2nd', '3rd', '4th')[(time.month - 1) // 3]} quarter {time.year}",
        quarter_of,
    ),
    "a quarter in German": (
        lambda time: f"{(time.month + 2) // 3}. Quartal {time.year}",
        quarter_of,
    ),
    "a quarter of a fiscal year": (
        lambda time: f"FY{time:%y} Q{(time.month + 2) // 3}",
        quarter_of,
    ),
    "a quarter in front of a fiscal year": (
        lambda time: f"Q{(time.month + 2) // 3} FY{time.year}",
        quarter_of,
    ),
    "a fiscal year": (lambda time: f"FY{time.year}", lambda time: day_of(time).replace(month=1, day=1)),
    "a season": (lambda time: f"{time.year}/{time.year + 1}", lambda time: day_of(time).replace(month=1, day=1)),
    "a season with a hyphen": (
        lambda time: f"{time.year}-{time.year + 1}",
        lambda time: day_of(time).replace(month=1, day=1),
    ),
    "a year and a month": (
        lambda time: f"{time.year}-{ENGLISH[time.month - 1]}",
        lambda time: day_of(time).replace(day=1),
    ),
    "six digits of a month": (lambda time: f"{time:%Y%m}", lambda time: day_of(time).replace(day=1)),
    "a week and a comma": (
        lambda time: "Week {1}, {0}".format(*time.isocalendar()),
        lambda time: day_of(time) - datetime.timedelta(days=time.weekday()),
    ),
    "a month and a short year": (
        named("{m}/{s:02}", LANGUAGES["French, short"]),
        lambda time: day_of(time).replace(day=1),
    ),
    "a month in Russian and a short year": (
        named("{m}-{s:02}", LANGUAGES["Russian, short"]),
        lambda time: day_of(time).replace(day=1),
    ),
    "Japanese": (lambda time: f"{time.year}年{time.month}月{time.day}日", day_of),
    "Korean": (lambda time: f"{time.year}년 {time.month}월 {time.day}일", day_of),
    "Korean with points": (lambda time: f"{time.year}. {time.month}. {time.day}.", day_of),
    "Hungarian": (lambda time: f"{time:%Y.%m.%d.}", day_of),
    "Czech": (lambda time: f"{time.day}. {time.month}. {time.year}", day_of),
    "blanks": (lambda time: f"{time:%Y %m %d}", day_of),
    "Arabic digits": (lambda time: digits(f"{time:%d/%m/%Y}", ARABIC), day_of),
    "Persian digits": (lambda time: digits(f"{time:%Y/%m/%d %H:%M}", PERSIAN), minute_of),
    "digits of full width": (lambda time: digits(f"{time:%Y-%m-%d}", FULL), day_of),
    "signs of full width": (lambda time: digits(f"{time:%Y}／{time:%m}／{time:%d}", FULL), day_of),
    "marks of direction": (lambda time: f"\u200e{time:%Y-%m-%d}\u200f", day_of),
    "Spanish half days": (
        lambda time: f"{time:%d/%m/%Y %I:%M:%S} {'p. m.' if time.hour >= 12 else 'a. m.'}",
        second_of,
    ),
    "French hours": (lambda time: f"{time:%d/%m/%Y} {time.hour}h{time.minute:02}", minute_of),
    "German hours": (lambda time: f"{time:%d.%m.%Y, %H:%M} Uhr", minute_of),
    "a hyphen before the time": (lambda time: f"{time:%d/%m/%Y - %H:%M}", minute_of),
    "hours alone": (lambda time: f"{time:%Y-%m-%d %I-%p}", lambda time: minute_of(time).replace(minute=0)),
    "a server's log": (
        lambda time: f"{time:%d}/{ENGLISH[time.month - 1]}/{time:%Y:%H:%M:%S} -0700",
        second_of,
    ),
    "a server's log in brackets": (
        lambda time: f"[{time:%d}/{ENGLISH[time.month - 1]}/{time:%Y:%H:%M:%S} +0000]",
        second_of,
    ),
    "ctime": (
        lambda time: f"{DAYS[time.weekday()]} {ENGLISH[time.month - 1]} {time.day:2} {time:%H:%M:%S %Y}",
        second_of,
    ),
    "ctime with a zone": (
        lambda time: f"{DAYS[time.weekday()]} {ENGLISH[time.month - 1]} {time:%d %H:%M:%S +0000 %Y}",
        second_of,
    ),
    "a log of git": (
        lambda time: f"{DAYS[time.weekday()]} {ENGLISH[time.month - 1]} {time.day} {time:%H:%M:%S %Y} +0100",
        second_of,
    ),
    "Oracle": (
        lambda time: f"{time:%d}-{ENGLISH[time.month - 1].upper()}-{time:%y %I.%M.%S}.000000 {time:%p}",
        second_of,
    ),
    "basic ISO 8601": (lambda time: f"{time:%Y%m%dT%H%M%SZ}", second_of),
    "14 digits": (lambda time: f"{time:%Y%m%d%H%M%S}", second_of),
    "12 digits": (lambda time: f"{time:%Y%m%d%H%M}", minute_of),
    "a camera": (lambda time: f"{time:%Y:%m:%d %H:%M:%S}", second_of),
    "a named zone": (lambda time: f"{time:%Y-%m-%d %H:%M:%S} Europe/Berlin", second_of),
    "a named zone in brackets": (lambda time: f"{time:%Y-%m-%dT%H:%M:%S}+02:00[America/New_York]", second_of),
    "a mail": (lambda time: f"{time.day} {ENGLISH[time.month - 1]} {time:%Y %H:%M:%S} +0200 (CEST)", second_of),
    "day of a week of ISO 8601": (lambda time: "{}-W{:02}-{}".format(*time.isocalendar()), day_of),
    "half year": (
        lambda time: f"{time.year}H{1 + time.month // 7}",
        lambda time: Datetime(time.year, 1 + 6 * (time.month // 7), 1),
    ),
    "half year in front": (
        lambda time: f"S{1 + time.month // 7} {time.year}",
        lambda time: Datetime(time.year, 1 + 6 * (time.month // 7), 1),
    ),
    "quarter behind its number": (
        lambda time: f"{(time.month + 2) // 3}Q{time:%y}",
        quarter_of,
    ),
    "French quarter": (
        lambda time: f"T{(time.month + 2) // 3} {time.year}",
        quarter_of,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_dates_are_read_as_they_are_written(name: str) -> None:
    write, read = FORMS[name]
    cells = [write(time) for time in TIMES]
    frame = pl.DataFrame({"it": cells})
    (column,) = infer_schema(frame)
    assert (column.kind, column.missing) == ("date", 0), column.reason
    times, wrong = column.date_format.read(frame["it"])
    assert wrong is None
    assert times.to_list() == [read(time) for time in TIMES]
    encoder = TableEncoder.fit(frame, [column])
    restored = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert restored == encoder
    many = restored.transform(frame)
    assert np.isfinite(many).all()
    assert restored.transform({"it": cells[7]}).tobytes() == many[7].tobytes()


@pytest.mark.parametrize(
    "cells",
    [
        [f"2021-{at:03}" for at in range(1, 61)],  # numbers of invoices
        [f"Marketing {2000 + at % 20}" for at in range(60)],
        [f"item {at % 12}" for at in range(60)],
        ["January", "mars", "Mai", "Ekim"] * 15,
        [f"{1 + at % 9}T{at % 20}" for at in range(60)],
        [f"S{at % 9} {at}" for at in range(60)],
        [f"{200000 + at * 37}" for at in range(60)],  # no months
        ["200101", "200102", "200103"] * 20,  # few codes
    ],
)
def test_what_is_no_date_is_none(cells: list[str]) -> None:
    assert infer_schema(pl.DataFrame({"it": cells, "other": range(len(cells))}))[0].kind != "date"


def test_each_name_stands_for_one_month() -> None:
    every = [name for names in NAMES for name in names.split()]
    assert {name for name in every if len({at for at, names in enumerate(NAMES) if name in names.split()}) > 1} == set()
    assert [MONTHS[name.lower()] for name in ENGLISH] == list(range(1, 13))
