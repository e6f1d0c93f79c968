"""The names of months and their abbreviations, in the languages that tables are often written in.

A name that stands for different months in two of the languages is left out, such as the Croatian "listopad".
"""

from __future__ import annotations

NAMES = (
    "january jan januar jänner janvier janv enero ene janeiro gennaio gen januari stycznia styczeń sty ledna leden "
    "января январь янв ocak oca tammikuuta január ianuarie ian січня",
    "february feb februar feber février fevrier févr fevr fév fev febrero fevereiro febbraio februari lutego luty lut "
    "února únor февраля февраль фев şubat şub helmikuuta február febr februarie лютого",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt marts marca marzec března březen марта март "
    "mart maaliskuuta március márc martie maret березня",
    "april apr avril avr abril abr aprile aprili kwietnia kwiecień kwi dubna duben апреля апрель апр nisan nis "
    "huhtikuuta április ápr aprilie квітня",
    "may mai mayo maio maggio mag mei maj maja května květen мая май mayıs toukokuuta május máj травня",
    "june jun juni juin junio junho giugno giu czerwca czerwiec cze června červen июня июнь июн haziran haz "
    "kesäkuuta június jún iunie червня",
    "july jul juli juillet juil julio julho luglio lug lipca lipiec lip července červenec июля июль июл temmuz tem "
    "heinäkuuta július júl iulie липня",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień sie srpna srpen августа август авг "
    "ağustos ağu elokuuta augusztus agustus серпня",
    "september sept sep septembre septiembre setiembre setembro settembre set września wrzesień wrz září сентября "
    "сентябрь сент сен eylül eyl syyskuuta szeptember szept septembrie вересня",
    "october oct oktober okt octobre octubre outubro out ottobre ott października październik paź října říjen "
    "октября октябрь окт ekim eki lokakuuta október octombrie жовтня",
    "november nov novembre noviembre novembro listopada lis ноября ноябрь ноя kasım kas marraskuuta noiembrie "
    "листопада",
    "december dec dezember dez décembre decembre déc diciembre dic dezembro dicembre desember des grudnia grudzień "
    "gru prosince prosinec декабря декабрь дек aralık ara joulukuuta decembrie грудня",
)
"""Those of each month, January first; the English ones first."""
MONTHS = {name: month for month, names in enumerate(NAMES, start=1) for name in names.split()}
"""Name, in lower case -> month."""
MONTH = rf"(?i:({'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?)"
"""A pattern for a month in words, with the name as a group."""
