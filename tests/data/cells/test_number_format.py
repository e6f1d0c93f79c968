"""How numbers are written: inferred from all cells of a column, kept, and read the same in many rows and in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.data import TableEncoder, encoder_from_dict, infer_schema, open_source, prepare
from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.data.columns.schema import ColumnSchema
from ranvier.errors import DataError

NAN = float("nan")
OTHER = [0.5, 1.5, 4.0, 2.5]

WRITTEN: dict[str, tuple[list[str], list[float]]] = {
    "commas between thousands": (
        ["1,234", "-12,500.75", "999", "+1,234,567", "0.5"],
        [1234, -12500.75, 999, 1234567, 0.5],
    ),
    "few of four digits": (["1,234", "1234", "2,500"], [1234, 1234, 2500]),
    "decimal commas": (["27,3", "27", "0,95", "-1,5e3"], [27.3, 27, 0.95, -1500]),
    "two digits after a comma": (["1,234", "12,34"], [1.234, 12.34]),
    "four digits after a comma": (["1,234", "1,2345"], [1.234, 1.2345]),
    "a zero before a comma": (["1,234", "0,123"], [1.234, 0.123]),
    "points between thousands": (["1.234,5", "7", "1.234.567,25", "2,5"], [1234.5, 7, 1234567.25, 2.5]),
    "blanks between thousands": (["1 234", "12 345,5", "7"], [1234, 12345.5, 7]),
    "narrow blanks": (["1\u202f234", "12\u00a0345", "7"], [1234, 12345, 7]),
    "apostrophes": (["1'234.5", "7", "12\u2019000"], [1234.5, 7, 12000]),
    "dollars": (["$1,234.50", "$7", "-$5", "$-6", "($3)"], [1234.5, 7, -5, -6, -3]),
    "euros behind": (["12,50 €", "7 €", "0,99 €"], [12.5, 7, 0.99]),
    "currency codes": (["EUR 12.50", "7 EUR", "USD 3"][:2], [12.5, 7]),
    "percent": (["12%", "7.5 %", "100%"], [12, 7.5, 100]),
    "kilograms": (["12.5 kg", "7kg", "3 KG"], [12.5, 7, 3]),
    "cubic": (["1248 CC", "998 CC", "1500 cc"], [1248, 998, 1500]),
    "minutes": (["90 min", "1 min", "45 mins", "7 min."], [90, 1, 45, 7]),
    "square metres": (["75 m²", "120.5 m2", "60 m2"][1:], [120.5, 60]),
    "accounting": (["(1,234)", "500", "(7.5)"], [-1234, 500, -7.5]),
    "typographic minus": (["\u22125", "7", "\u22121.5"], [-5, 7, -1.5]),
    "magnitudes": (["1.2M", "300k", "950"], [1.2e6, 3e5, 950]),
    "dollars and magnitudes": (["$1.2M", "$300K", "$2bn"], [1.2e6, 3e5, 2e9]),
    "one bound for all": (["10,000+", "500+", "1,000+"], [10000, 500, 1000]),
    "some bounds": (["<30", "31.5", "42", ">50", "47", "33"], [30, 31.5, 42, 50, 47, 33]),
    "detection limits": (["<0.01", "0.52", "0.4", "0.13"], [0.01, 0.52, 0.4, 0.13]),
    "times of day": (["12:30", "7:05:30", "1:15 pm", "00:00"], [45000, 25530, 47700, 0]),
    "parentheses alone": (["(12.50)", "500", "7.5", "(3)"], [-12.5, 500, 7.5, -3]),
    "commas as in India": (["12,34,567", "5,000", "1,00,000.5"], [1234567, 5000, 100000.5]),
    "about": (["~50", "≈12.5", "7"], [50, 12.5, 7]),
    "errors": (["50.1 ± 0.2", "7 +/- 1", "3.5±0.1"], [50.1, 7, 3.5]),
    "points of one total": (["50/100", "7/100", "12.5 / 100"], [50, 7, 12.5]),
    "quotes that stayed": (["'50.1'", "'7'", "'-3.5'"], [50.1, 7, -3.5]),
    "apostrophes of a spreadsheet": (["'50.1", "'7", "12"], [50.1, 7, 12]),
    "hemispheres": (["33.87° S", "40.71° N", "0.5° N"], [-33.87, 40.71, 0.5]),
    "hemispheres without a sign": (["33.87 W", "40.71 E", "0.5W"], [-33.87, 40.71, -0.5]),
    "free among prices": (["Free", "$4.99", "$0.99", "FREE"], [0, 4.99, 0.99, 0]),
    "gratis among prices": (["gratis", "4,99 €", "1.250,00 €", "12 €"], [0, 4.99, 1250, 12]),
    "long durations": (["102:13:05", "23:59:59", "0:00:07"], [367985, 86399, 7]),
    "minutes and seconds": (["3:25", "61:07", "0:07"], [205, 3667, 7]),
    "minutes and seconds with quotes": (["3'25\"", "12'07\"", "0'59.5\""], [205, 727, 59.5]),
    "minutes and seconds with primes": (["3\u203225\u2033", "12\u2032 07\u2033", "1\u203259"], [205, 727, 119]),
    "hours, minutes and seconds": (["1h 3'25''", "2h12'40''", "3'25''"], [3805, 7960, 205]),
    "durations in words": (["1 h 30 min", "45 min", "2 hours", "90 s"], [5400, 2700, 7200, 90]),
    "durations in letters": (["1h30m", "2h", "5m 10s"], [5400, 7200, 310]),
    "durations of days": (["3 days 04:00:00", "1 day 00:30:00", "0 days 12:00:00"], [273600, 88200, 43200]),
    "feet and inches": (["5'11\"", "6'0\"", "5' 7", "6'"], [71, 72, 67, 72]),
    "feet and inches in words": (["5 ft 11 in", "6 feet", "5ft 7in"], [71, 72, 67]),
    "prices without cents": (["\u20ac 12,-", "\u20ac 7,50", "\u20ac 9,--"], [12, 7.5, 9]),
    "thousands without cents": (["\u20ac 12.500,-", "\u20ac 1.750,-"], [12500, 1750]),
    "a minus behind": (["12.5-", "7", "3-"], [-12.5, 7, -3]),
    "minutes, seconds and hundredths": (["2:05.37", "1:59.5", "61:00.25"], [125.37, 119.5, 3660.25]),
    "lakhs and crores": (["45 Lac", "1.2 Cr", "90 Lac"], [4.5e6, 1.2e7, 9e6]),
    "durations of ISO 8601": (["PT1H30M", "P1DT2H", "PT45M", "PT7.5S"], [5400, 93600, 2700, 7.5]),
    "francs without cents": (["CHF 100.-", "CHF 7.50", "Fr. 9.-"][:2], [100, 7.5]),
    "francs": (["Fr. 1'234.50", "Fr. 7.00", "Fr. 12'000.-"], [1234.5, 7, 12000]),
    "Arabic digits": (["١٢٫٥", "٧", "١٬٢٣٤٫٥"], [12.5, 7, 1234.5]),
    "Persian digits": (["۱۲٫۵", "۷", "۰٫۲۵"], [12.5, 7, 0.25]),
    "full width": (["１２．５", "７", "－３", "１，２３４"], [12.5, 7, -3, 1234]),
    "full width and signs": (["５０％", "７．５％"], [50, 7.5]),
    "yen of full width": (["￥1,000", "￥25,000,000", "￥７"], [1000, 25e6, 7]),
    "digits of India": (["१२.५", "७", "३००"], [12.5, 7, 300]),
    "digits of Thailand": (["๑๒.๕", "๗"], [12.5, 7]),
    "invisible characters": (["\u200b50.5", "\ufeff7", "\u200e3\u200f"], [50.5, 7, 3]),
    "a dash for a minus": (["\u20135.5", "7", "\u20130.25"], [-5.5, 7, -0.25]),
    "powers of ten": (["1.2 x 10^3", "5×10^-2", "7·10⁴"], [1200, 0.05, 70000]),
    "Fortran": (["1.5D+03", "2.25d-01", "7"], [1500, 0.225, 7]),
    "commas and powers": (["1,5E+03", "2,25E-01", "7"], [1500, 0.225, 7]),
    "footnotes": (["12.5*", "7[1]", "3", "1,234[a]", "5†", "8**"], [12.5, 7, 3, 1234, 5, 8]),
    "halves and quarters": (["1½", "2", "¾", "3 ¼"], [1.5, 2, 0.75, 3.25]),
    "percent in front": (["%50", "%7.5"], [50, 7.5]),
    "numbers with a sign": (["#12", "#7", "#305"], [12, 7, 305]),
    "a price a month": (["$9.50/mo", "$12/mo", "$7.25 / mo"], [9.5, 12, 7.25]),
    "about in words": (["ca. 50", "about 12.5", "approx. 7"], [50, 12.5, 7]),
    "years and bounds": (
        ["10+ years", "< 1 year", "3 years", "5 years", "7 years", "2 years"],
        [10, 1, 3, 5, 7, 2],
    ),
    "millions in Russian": (["1,5 млн", "300 тыс.", "2 млрд"], [1.5e6, 3e5, 2e9]),
    "ten thousands in Chinese": (["1.5万", "2亿", "900"], [15000, 2e8, 900]),
    "hours alone": (["1pm", "12 am", "3 p.m."], [46800, 0, 54000]),
    "times of day in French": (["13h05", "0h00", "7h30"], [46_800 + 300, 0, 27000]),
    "times of day in German": (["13:05 Uhr", "00:00 Uhr"], [47100, 0]),
    "times of day with a zone": (["13:05:00+02:00", "00:00:30Z"], [47100, 30]),
    "ages": (["2 years", "3 weeks", "1 month", "5 days", "1 year"], [63115200, 1814400, 2629800, 432000, 31557600]),
    "long durations in words": (["1 yr 6 mos", "2 yrs", "8 mos"], [47336400, 63115200, 21038400]),
    "negative durations": (["-1 day, 20:00:00", "1 day, 0:00:05", "-2 days +12:00:00"], [-14400, 86405, -129600]),
    "degrees": (["40°26'46\"N", "0°30'S", "12° 15′ 0″ N"], [40 + 26 / 60 + 46 / 3600, -0.5, 12.25]),
    "degrees with the side in front": (["N 40° 30' 00\"", "W 7° 15' 36\""], [40.5, -7.26]),
    "integers and fractions": (["3 1/2", "1/4", "5", "2-3/8", "-1 1/2"], [3.5, 0.25, 5, 2.375, -1.5]),
    "fractions of inches": (['3 1/2"', '7/8"', '12"', '1 3/16"'], [3.5, 0.875, 12, 1.1875]),
    "cups": (["1 1/2 cups", "3/4 cup", "2 cups"], [1.5, 0.75, 2]),
    "fractions alone": (["1/2", "3/4", "1/8", "5/8", "7/16"], [0.5, 0.75, 0.125, 0.625, 0.4375]),
    "times of day with points": (["08.15", "12.30", "23.59"], [29700, 45000, 86340]),
    "times of day of digits": (
        ["0815", "1230", "2359", "0005", "1745", "0630"],
        [29700, 45000, 86340, 300, 63900, 23400],
    ),
    "percents beside fractions": (["1%", "0.01", "7.5 %", "0.05"], [0.01, 0.01, 0.075, 0.05]),
    "millimetres and metres": (["12 mm", "1.5 m", "7 mm", "20 mm"], [12, 1500, 7, 20]),
    "grams and kilograms": (["500 g", "1.2 kg", "250 g", "1kg"], [500, 1200, 250, 1000]),
    "bytes": (["512 MB", "2 GB", "256 MB", "64 KB"], [512, 2000, 256, 0.064]),
    "millilitres": (["330 ml", "0,5 l", "200 ml"], [330, 500, 200]),
    "megahertz": (["800 MHz", "2.4 GHz", "900 MHz"], [800, 2400, 900]),
    "feet and yards": (["12 ft", "2 yd", "7 feet", "9 ft"], [12, 6, 7, 9]),
    "Celsius and Fahrenheit": (["20 °C", "212 °F", "7.5 °C"], [20, 100, 7.5]),
    "square feet": (["1200 sqft", "1 acre", "900 sqft"], [1200, 43560, 900]),
    "stars of five": (["4.0 out of 5 stars", "5.0 out of 5 stars", "1.5 out of 5 stars"], [4, 5, 1.5]),
    "points out of a hundred": (["70 out of 100", "7 out of 100"], [70, 7]),
    "ups and downs": (["▲ 0.14%", "▼ 2.5%", "↓1%", "3%"], [0.14, -2.5, -1, 3]),
    "credit and debit": (["5 CR", "3.50 DR", "2 CR"], [5, -3.5, 2]),
    "mostly debit": (["5 DR", "3.50 DR", "2 CR"], [-5, -3.5, 2]),
    "pounds and ounces": (["6 lb 1 oz", "7 lbs 8 oz", "5lb", "12 oz", "8 pounds, 4 oz"], [6.0625, 7.5, 5, 0.75, 8.25]),
    "stones and pounds": (["11 st 4 lb", "9st 7lb", "12 stone"], [158, 133, 168]),
    "kilograms and grams": (["2 kg 300 g", "3kg 50g", "800 g"], [2.3, 3.05, 0.8]),
    "megabits and gigabits": (["1 Gbps", "300 Mbps", "2 Gbps"], [1, 0.3, 2]),
    "rates of bits": (["800 kbit/s", "2 Mbit/s", "500 kbit/s"], [800, 2000, 500]),
    "L and Cr": (["1.5 L", "2 Cr", "7.25 L"], [1.5e5, 2e7, 7.25e5]),
    "rupees in lakhs and crores": (["₹ 1.5 L", "₹2 Cr", "₹ 7.25 L"], [1.5e5, 2e7, 7.25e5]),
    "litres alone": (["1.5 L", "2 L", "7 l"], [1.5, 2, 7]),
    "about years": (["c. 1850", "ca. 1900", "c. 12"], [1850, 1900, 12]),
    "metres and centimetres": (["1 m 75 cm", "1m82", "1 m", "2m 5cm"], [1.75, 1.82, 1, 2.05]),
    "kilometres and metres": (["1 km 200 m", "3 km", "850 m"], [1200, 3000, 850]),
    "prices in rupees": (["Rs. 1,000/-", "Rs. 2,50,000/-", "Rs. 900/-"], [1000, 250000, 900]),
    "prices in shillings": (["1,500/=", "900/=", "12,000/="], [1500, 900, 12000]),
    "numbers of votes in parentheses": (["(13 votes)", "(1,250 votes)", "(7 votes)"], [13, 1250, 7]),
    "litres on 100 km": (["5,4 l/100 km", "7 l/100 km", "6,25 l/100 km"], [5.4, 7, 6.25]),
    "grams in 100": (["12.5 g/100g", "7 g/100g"], [12.5, 7]),
    "thousands and millions of views": (["1.2M views", "300K views", "950 views"], [1.2e6, 3e5, 950]),
    "an estimate and its range": (["65.2 [64.8-65.6]", "7.5 [6.25-8.75]", "80 [79-81]"], [65.2, 7.5, 80]),
    "a length in other units": (["151 cm (5'1\")", "180 cm (5'11\")"], [151, 180]),
    "a number and its share": (["12 (3.5%)", "7 (2%)", "104 (30.5%)"], [12, 7, 104]),
    "flags behind numbers": (
        ["1.5", "2.5 e", "3.5 b", "4.5", "5.5 p", "6", "7", "8", "9.25", "10 d", "11", "12"],
        [1.5, 2.5, 3.5, 4.5, 5.5, 6, 7, 8, 9.25, 10, 11, 12],
    ),
    "years before and after Christ": (["300 BC", "44 BC", "14 AD", "476 AD"], [-300, -44, 14, 476]),
    "ranges among numbers": (["1100 - 1250", "1075", "1300", "950.5"], [1175, 1075, 1300, 950.5]),
    "ranges of prices among prices": (["$1,100.00 - $1,300.00", "$900.50", "$950"], [1200, 900.5, 950]),
    "marks of other programs": (
        ["1.5", ":", "#NV", "n.c.", "2", "k. A.", "#VALEUR!", "неизвестно", "不明"],
        [1.5, NAN, NAN, NAN, 2, NAN, NAN, NAN, NAN],
    ),
    "apostrophes between thousands, and one that is odd": (
        ["0'500", *(f"{at}'{500 + at}" for at in range(1, 40))],
        [NAN, *(1000 * at + 500 + at for at in range(1, 40))],
    ),
    "long durations of ISO 8601": (["P1Y6M", "P2Y", "P3W", "P10D"], [47336400, 63115200, 1814400, 864000]),
    "times of day with the name of a zone": (["13:05:00 EST", "00:00:30 CEST"], [47100, 30]),
    "days that are counted": ([f"Day {at}" for at in range(1, 30)], [*range(1, 30)]),
    "levels": (["Level 1", "level 3", "Level 12"], [1, 3, 12]),
    "acidity": (["pH 7.5", "pH 6", "pH 5.25"], [7.5, 6, 5.25]),
    "scores with a colon": (["Score: 12.5", "Score: 7", "Score: -3"], [12.5, 7, -3]),
    "accounting with a currency": (["$ (7)", "$(1,234.50)", "$ 3", "(2)"], [-7, -1234.5, 3, -2]),
    "marks": (
        ["1.5", "NULL", "n/a", "-", "2", "none", "Unknown", "#N/A", "not available"],
        [1.5, *[NAN] * 3, 2, *[NAN] * 4],
    ),
}
CATEGORIES: dict[str, list[str]] = {
    "fractions": ["1/2", "1/4", "3/4", "1"],
    "years and words": [f"{1980 + at}{'PASS' if at % 3 else 'FAIL'}" for at in range(30)],
    "years and seasons": [f"{1900 + 4 * at} {'Summer' if at % 2 else 'Winter'}" for at in range(30)],
    "fractions of several totals": ["0/5", "1/6", "2/7", "3/5", "4/6"],
    "days of months": ["5 March", "6 April", "7 May"],
    "days of a month": ["5 March", "6 March", "7 March"],
    "parts of a hash": ["47e78", "12e34", "99e01", "10254"],
    "parts of a hash alone": ["47e78", "12e34", "99e01"],
    "points of several totals": ["5/10", "7/20", "9/10", "3/20"],
    "Excel's codes": ['="01067"', '="10115"', '="01069"'],
    "codes with zeros": ["01", "02", "10"],
    "zip codes": ["01234", "98765", "45678", "23456"],
    "seats": ["1A", "2A", "1B", "2B"],
    "ordinals": ["1st", "2nd", "3rd"],
    "ranges": ["18-24", "25-34", "35-44"],
    "two sides of a bound": ["<=50K", ">50K"],
    "versions": ["1.2.3", "4.5.6", "2.0.1"],
    "addresses": ["12 Main St", "5 Oak Ave", "7 Elm Rd", "9 Low Ln"],
    "torques": ["190Nm@ 2000rpm", "250Nm@ 1500rpm"],
    "numbers among words": ["1", "2", "x"],
    "a number and none": ["1,234", "none"],
    "letters before": ["A1", "A2", "B1"],
    "names with numbers": ["Store 1", "Store 2", "Store 12"],
    "ratios": ["1:3", "2:5", "1:1", "4:3"],
    "languages": ["ja", "no", "si", "en"],
    "dimensions": ["30 x 102 cm", "5 x 10 cm"],
    "phones": ["555-1234", "555-9876"],
    "phones with the code of a country": ["+4930123456", "+12025550123", "+38514567890"],
    "ranges and one number": ["18-24", "25-34", "65"],
}


def table(cells: list[str]) -> pl.DataFrame:
    repeated = cells * (40 // len(cells) + 1)
    return pl.DataFrame({"it": repeated, "other": (OTHER * len(repeated))[: len(repeated)]})


def first_column(cells: list[str]) -> ColumnSchema:
    return infer_schema(table(cells))[0]


@pytest.mark.parametrize("name", WRITTEN)
def test_numbers_are_read_as_they_are_written(name: str) -> None:
    cells, expected = WRITTEN[name]
    column = first_column(cells)
    assert column.kind == "number", column.reason
    values, wrong = column.number_format.read(pl.Series("it", cells))
    np.testing.assert_allclose(values, expected, rtol=1e-15)
    assert wrong is None
    encoder = TableEncoder.fit(table(cells), infer_schema(table(cells)))
    restored = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert restored == encoder
    many = restored.transform({"it": cells, "other": OTHER[:1] * len(cells)})
    for row, cell in enumerate(cells):
        assert restored.transform({"it": cell, "other": OTHER[0]}).tobytes() == many[row].tobytes()


@pytest.mark.parametrize("name", CATEGORIES)
def test_what_is_no_number_stays_a_category(name: str) -> None:
    column = first_column(CATEGORIES[name])
    assert column.kind == "category", column.reason


@pytest.mark.parametrize(
    "odd",
    ["12..5", "kg", "Total", "sold out", "see note", "$1,234.50", "45.1%", "12.5 kg", "1 234", "<30", "30+", "NULL"],
)
def test_one_odd_cell_leaves_a_number_a_number(odd: str) -> None:
    cells = [f"{50 + 0.37 * row:.2f}" for row in range(60)]
    frame = pl.DataFrame({"it": [*cells, odd], "other": [0.5] * 60 + [1.0]})
    column = infer_schema(frame)[0]
    assert column.kind == "number"
    unread = np.isnan(column.number_format.read(frame["it"])[0])
    assert unread[:-1].sum() == 0
    if unread[-1]:
        assert column.notes == (f'Column "it": 1 cell counts as missing: "{odd}" in row 61.',)
        assert column.missing == 1
    TableEncoder.fit(frame, infer_schema(frame)).transform(frame)


def test_a_number_that_alone_is_negative_by_a_sign_of_accounts_is_named() -> None:
    cells = [f"{50 + 0.37 * row:.2f}" for row in range(60)]
    for odd in ("12-", "(12)"):
        (note,) = first_column([*cells, odd]).notes
        assert note.endswith(
            f'is read as a negative number, as in accounts, and no other is negative: "{odd}" in row 61.'
        )
    assert not first_column([*cells, "(12)", "(7)"]).notes
    assert not first_column([*cells, "(12)", "-7"]).notes


def test_the_reason_names_signs_only_where_there_are_some() -> None:
    cells = [*(f"{50 + 0.37 * row:.2f}" for row in range(60)), "12..5", "n/a"]
    assert infer_schema(pl.DataFrame({"it": cells, "other": range(62)}))[0].reason == "numbers"
    with_sign = [*cells, "(7.5)", "~8"]
    assert "(7) read as -7" in infer_schema(pl.DataFrame({"it": with_sign, "other": range(64)}))[0].reason


def test_digits_mistyped_as_letters_are_missing_and_named() -> None:
    cells = [f"{50 + 0.37 * row:.2f}" for row in range(300)]
    for odd in ("5o", "3l", "7O"):
        column = infer_schema(pl.DataFrame({"it": [*cells, odd], "other": [0.5] * 300 + [1.0]}))[0]
        assert (column.kind, column.missing) == ("number", 1)
        assert column.notes == (f'Column "it": 1 cell counts as missing: "{odd}" in row 301.',)


def test_numbers_of_the_same_quantity_are_said_to_be_converted() -> None:
    assert "in g, to which kg are converted" in first_column(["500 g", "1.2 kg", "250 g"]).reason
    assert "5% read as 0.05" in first_column(["1%", "0.01", "7.5 %", "0.05"]).reason
    percents = [f"{10 + row / 7:.1f}%" for row in range(60)]
    assert first_column([*percents, "0.4"]).number_format.read(pl.Series(["12.5%"]))[0].tolist() == [12.5]


def test_odd_cells_are_refused_where_training_had_none() -> None:
    frame = table(["1.5", "2.5", "4", "7"])
    encoder = TableEncoder.fit(frame)
    assert np.isfinite(encoder.transform({"it": ["NULL", "-"], "other": [0.5, 0.5]})).all()
    with pytest.raises(DataError, match=r'"it" has "12..5" at row index 1, where a number was expected'):
        encoder.transform({"it": ["1", "12..5"], "other": [0.5, 0.5]})


def test_two_units_are_named_and_not_converted() -> None:
    cells = [f"{10 + row / 7:.1f} kmpl" for row in range(60)] + [f"{20 + row / 7:.1f} km/kg" for row in range(20)]
    column = first_column(cells)
    assert column.reason == "numbers, in 2 units, which are not converted: kmpl and km/kg"
    assert first_column(["90 min", "1 Season", "2 Seasons"]).kind == "category"


@pytest.mark.parametrize(
    ("cells", "commas", "expected"),
    [
        (["45,000", "12,500"], False, 45000.0),
        (["45,000", "12,500"], True, 45.0),
        (["45,000", "900"], True, 45000.0),
        (["1,234,567", "2,000"], True, 1234567.0),
    ],
)
def test_commas_that_could_mean_two_things(cells: list[str], commas: bool, expected: float) -> None:
    frame = table(cells)
    column = infer_schema(frame, decimal_commas=commas)[0]
    assert column.number_format.read(frame["it"])[0][0] == expected
    for kind, value in (("number:decimal-comma", 45.0), ("number:decimal-point", 45000.0)):
        if cells[0] == "45,000":
            requested = infer_schema(frame, overrides={"it": kind})[0]
            assert requested.number_format.read(frame["it"])[0][0] == value
            assert not requested.notes


def test_other_columns_decide_what_a_comma_means() -> None:
    frame = pl.DataFrame({"kg": ["45,000", "12,500"] * 10, "price": ["0,95", "1,5"] * 10})
    assert [column.number_format.decimal for column in infer_schema(frame)] == [",", ","]


def test_the_meaning_of_a_comma_is_kept_by_the_model(tmp_path: Path) -> None:
    weights = [f"{row % 9},{(37 * row) % 1000:03d}" for row in range(40)]
    path = tmp_path / "kg.csv"
    path.write_text("kg;sold\n" + "".join(f"{kg};{row % 5},5\n" for row, kg in enumerate(weights)))
    model = rv.train(path, "sold", recipe="plain", hidden=(4,), epochs=2, engine="reference", model=tmp_path / "m.rv")
    assert model.report.notes.count("Decimal commas, such as 1,5 for 1.5, were read in: kg, sold.") == 1
    loaded = rv.load(tmp_path / "m.rv")
    single = tmp_path / "one.csv"
    single.write_text('kg,sold\n"4,125","1,250"\n')
    assert loaded.predict(single)[0] == loaded.predict({"kg": 4.125})[0] == loaded.predict({"kg": "4,125"})[0]
    assert loaded.evaluate(single)["mae"] == pytest.approx(
        abs(float(loaded.predict({"kg": 4.125})[0]) - 1.25), abs=1e-5
    )


def test_targets_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("x,price\n" + "".join(f'{row % 7},"${1000 + 37 * row:,}.50"\n' for row in range(40)))
    prepared = prepare(path, "price", test=0)
    assert prepared.task.kind == "regression"
    assert prepared.target.number_formats[0].units == ("$",)
    path.write_text("x,stars\n" + "".join(f"{row % 7},{row % 3 + 1} stars\n" for row in range(40)))
    assert prepare(path, "stars").task.classes == ("1 stars", "2 stars", "3 stars")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=2, max_size=30, unique=True))
def test_commas_between_thousands_change_no_number(values: list[Any]) -> None:
    written = pl.Series("x", [f"{value:,}" for value in values])
    form = NumberFormat(thousands=",")
    assert form.read(written)[0].tolist() == [float(value) for value in values]
    german = written.str.replace_all(",", "_").str.replace_all(".", ",", literal=True).str.replace_all("_", ".")
    assert NumberFormat(decimal=",", thousands=".").read(german)[0].tolist() == [float(value) for value in values]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("0123456789,.+-$%() k<", max_size=9), min_size=1, max_size=20))
def test_no_string_breaks_the_reader(cells: list[str]) -> None:
    for form in (PLAIN, NumberFormat(",", ".", ("$", "%", "k"), True, True), NumberFormat(clock=True, odd=True)):
        values, _ = form.read(pl.Series("x", cells, dtype=pl.String))
        assert values.shape == (len(cells),)


def test_files_keep_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("it;other\n1.234,5;x\n7;y\n")
    assert open_source(path).frame["it"].to_list() == ["1.234,5", "7"]
