"""The names of months and their abbreviations, in the languages that tables are often written in.

A name that stands for different months in two of the languages has its meaning from the others of its column: the
Croatian "listopad" is October, the Polish and the Czech one November.
"""

from __future__ import annotations

import polars as pl

NAMES = (
    "january jan januar jänner janvier janv enero ene janeiro gennaio gen januari stycznia styczeń sty ledna leden "
    "января январь янв ocak oca tammikuuta január ianuarie ian січня gener janúar jaanuar janvāris sausio xaneiro "
    "januára ιανουαρίου ιανουάριος ιαν січень січ јануар януари يناير ינואר בינואר जनवरी มกราคม",
    "february feb februar feber février fevrier févr fevr fév fev febrero fevereiro febbraio februari lutego luty "
    "lut února únor февраля февраль фев şubat şub helmikuuta február febr februarie лютого febrer febrúar veebruar "
    "februāris vasario febreiro februára pebrero φεβρουαρίου φεβρουάριος φεβ лютий лют фебруар февруари فبراير "
    "פברואר בפברואר फ़रवरी फरवरी กุมภาพันธ์ helmikuu",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt marts marca marzec března březen марта март mart "
    "maaliskuuta március márc martie maret березня març märts kovo marec machi marso μαρτίου μάρτιος μαρ березень "
    "бер мар مارس מרץ במרץ मार्च มีนาคม maaliskuu",
    "april apr avril avr abril abr aprile aprili kwietnia kwiecień kwi dubna duben апреля апрель апр nisan nis "
    "huhtikuuta április ápr aprilie квітня aprill apríl aprīlis balandžio apríla απριλίου απρίλιος απρ квітень кві "
    "април أبريل ابريل אפריל באפריל अप्रैल เมษายน huhtikuu",
    "may mai mayo maio maggio mag mei maj maja května květen мая май mayıs toukokuuta május máj травня maig maí "
    "maijs gegužės mája μαΐου μάιος μαΐ μαϊ травень тра мај مايو מאי במאי मई พฤษภาคม toukokuu",
    "june jun juni juin junio junho giugno giu czerwca czerwiec cze června červen июня июнь июн haziran haz "
    "kesäkuuta június jún iunie червня juny júní juuni jūnijs birželio xuño júna junij hunyo ιουνίου ιούνιος ιουν "
    "червень чер јун юни يونيو יוני ביוני जून มิถุนายน kesäkuu iun",
    "july jul juli juillet juil julio julho luglio lug lipca lipiec lip července červenec июля июль июл temmuz tem "
    "heinäkuuta július júl iulie липня juliol júlí juuli jūlijs liepos xullo júla julij julai hulyo ιουλίου ιούλιος "
    "ιουλ липень лип јул юли يوليو יולי ביולי जुलाई กรกฎาคม heinäkuu juill iul",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień sie srpna srpen августа август авг ağustos "
    "ağu elokuuta augusztus agustus серпня agost ágúst augusts rugpjūčio augusta avgust ogos agosti αυγούστου "
    "αύγουστος αυγ серпень сер أغسطس اغسطس אוגוסט באוגוסט अगस्त สิงหาคม elokuu",
    "september sept sep septembre septiembre setiembre setembro settembre set września wrzesień wrz září сентября "
    "сентябрь сент сен eylül eyl syyskuuta szeptember szept septembrie вересня setembre septembris rugsėjo "
    "septembra septembar septemba setyembre σεπτεμβρίου σεπτέμβριος σεπ вересень вер септембар септември سبتمبر "
    "ספטמבר בספטמבר सितंबर सितम्बर กันยายน syyskuu",
    "october oct oktober okt octobre octubre outubro out ottobre ott października październik paź října říjen "
    "октября октябрь окт ekim eki lokakuuta október octombrie жовтня oktoober oktobris spalio októbra oktobar "
    "oktoba oktubre οκτωβρίου οκτώβριος οκτ жовтень жов октобар октомври أكتوبر اكتوبر אוקטובר באוקטובר अक्टूबर "
    "अक्तूबर ตุลาคม lokakuu",
    "november nov novembre noviembre novembro listopada listopad lis ноября ноябрь ноя kasım kas marraskuuta noiembrie "
    "листопада nóvember novembris lapkričio novembra novembar novemba nobyembre νοεμβρίου νοέμβριος νοε новембар "
    "ноември نوفمبر נובמבר בנובמבר नवंबर नवम्बर พฤศจิกายน marraskuu listopadu",
    "december dec dezember dez décembre decembre déc diciembre dic dezembro dicembre desember des grudnia grudzień "
    "gru prosince prosinec декабря декабрь дек aralık ara joulukuuta decembrie грудня desembre detsember decembris "
    "gruodžio decembra decembar disember desemba disyembre δεκεμβρίου δεκέμβριος δεκ грудень гру децембар декември "
    "ديسمبر דצמבר בדצמבר दिसंबर दिसम्बर ธันวาคม joulukuu",
)
"""Those of each month, January first; the English ones first."""
CROATIAN = (
    "siječanj siječnja",
    "veljača veljače",
    "ožujak ožujka",
    "travanj travnja",
    "svibanj svibnja",
    "lipanj lipnja",
    "srpanj srpnja",
    "kolovoz kolovoza",
    "rujan rujna",
    "",
    "studeni studenoga studenog",
    "prosinac prosinca",
)
"""Those of Croatian but for October."""
MONTHS = {name: month for month, names in enumerate(NAMES, start=1) for name in names.split()}
MONTHS |= {name: month for month, names in enumerate(CROATIAN, start=1) for name in names.split()}
"""Name, in lower case -> month."""
MONTH = rf"(?i:(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})(?!\w)\.?)"
"""A pattern of Python for a month in words; some names end in signs that are no letters, where there is no \\b."""
LETTER = r"[A-Za-z\x{80}-\x{10FFFF}]"
"""A pattern of polars for a letter, and for signs of other scripts: compiled far sooner than that of all letters."""
MAYBE_MONTH = rf"({LETTER}+)\b\.?"
"""A pattern of polars for a word where a month may stand; whether it is one is to be looked up."""
OCTOBER = r"(?i)\blistopada?\b"
"""October in Croatian, November in Polish and Czech."""


def is_croatian(strings: pl.Series) -> bool:
    """Whether a month in words is one that only Croatian has.

    >>> is_croatian(pl.Series(["5. listopada 2020.", "7. rujna 2020."])), is_croatian(pl.Series(["5 listopada 2020"]))
    (True, False)
    """
    names = "|".join(name for names in CROATIAN for name in names.split())
    return bool(strings.str.contains(rf"(?i)(?:^|[^\p{{L}}])(?:{names})(?:$|[^\p{{L}}])").any())


def with_croatian_october(strings: pl.Series) -> pl.Series:
    """Strings with another word in place of October.

    >>> with_croatian_october(pl.Series(["5. listopada 2020."])).to_list()
    ['5. oktobar 2020.']
    """
    return strings.str.replace(OCTOBER, "oktobar")
