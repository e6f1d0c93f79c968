"""The coefficients of the polynomials in exponential.py, logarithm.py and trigonometry.py, lowest power first.

Each polynomial passes through its function at the Chebyshev nodes of the interval (computed with 300 bits), which is
within a factor of two of the best polynomial of that degree. S is ((sqrt 2 - 1) / (sqrt 2 + 1))^2.

    exponential  (e^r - 1 - r) / r^2           |r| <= ln 2 / 2
    logarithm    (2 atanh s - 2 s) / s^3       in s^2, 0 .. S
    sine         (sin r - r) / r^3             in r^2, |r| <= 1.01 pi / 4
    cosine       (cos r - 1 + r^2 / 2) / r^4   in r^2, |r| <= 1.01 pi / 4
    erf_small    erf x / x - 1                 in x^2, |x| <= ERF_SPLIT
    erf_large    -ln(1 - erf x)                in x - ERF_SPLIT, ERF_SPLIT .. erf_limit
"""

from __future__ import annotations

from ranvier.records import record

ERF_SPLIT = 0.921875


@record
class Coefficients:
    """The coefficients for one format.

    Fields beside the polynomials: `magic` (1.5 times 2^mantissa bits: adding it rounds to an integer), `mantissa`
    (its bits), `bias` (of the exponent), `ln2` (a high part with zeros at its end, and the rest), `exp_range` (where
    e^x is neither 0 nor infinite lies within), `tanh_limit` and `erf_limit` (1 from there on).
    """

    magic: float
    mantissa: int
    bias: int
    ln2: tuple[float, float]
    exp_range: tuple[float, float]
    tanh_limit: float
    erf_limit: float
    exponential: tuple[float, ...]
    logarithm: tuple[float, ...]
    sine: tuple[float, ...]
    cosine: tuple[float, ...]
    erf_small: tuple[float, ...]
    erf_large: tuple[float, ...]


FLOAT = Coefficients(
    magic=12582912.0,
    mantissa=23,
    bias=127,
    ln2=(0.693145751953125, 1.42860677e-06),
    exp_range=(-104.0, 89.0),
    tanh_limit=10.0,
    erf_limit=4.0,
    exponential=(
        0.5,
        0.166666672,
        0.041666463,
        0.00833331048,
        0.00139337312,
        0.000198910799,
    ),
    logarithm=(
        0.666666687,
        0.400001228,
        0.285508215,
        0.233304679,
    ),
    sine=(
        -0.166666672,
        0.00833333191,
        -0.00019840039,
        2.72437819e-06,
    ),
    cosine=(
        0.0416666679,
        -0.00138888881,
        2.48005599e-05,
        -2.72958317e-07,
    ),
    erf_small=(
        0.128379166,
        -0.376126349,
        0.112836994,
        -0.0268595926,
        0.00520146685,
        -0.000814720232,
        8.38759079e-05,
    ),
    erf_large=(
        1.64856184,
        2.50801325,
        0.832981825,
        0.0448534675,
        -0.0109107224,
        0.00220934977,
        -0.00033886591,
        3.40569422e-05,
        -1.64357095e-06,
    ),
)

DOUBLE = Coefficients(
    magic=6755399441055744.0,
    mantissa=52,
    bias=1023,
    ln2=(0.6931471803691238, 1.9082149292705877e-10),
    exp_range=(-746.0, 710.0),
    tanh_limit=22.0,
    erf_limit=6.0,
    exponential=(
        0.5,
        0.16666666666666666,
        0.04166666666666668,
        0.008333333333333333,
        0.0013888888888879004,
        0.00019841269841263252,
        2.480158733663095e-05,
        2.7557319247344507e-06,
        2.755726307730941e-07,
        2.5052070959803662e-08,
        2.091821231913398e-09,
        1.6086677666787362e-10,
    ),
    logarithm=(
        0.6666666666666666,
        0.4000000000000088,
        0.28571428570803614,
        0.22222222391713917,
        0.18181795640132906,
        0.15386239702814658,
        0.13268773138656886,
        0.13086626147840102,
    ),
    sine=(
        -0.16666666666666666,
        0.008333333333333331,
        -0.00019841269841264567,
        2.7557319218954762e-06,
        -2.505210610025599e-08,
        1.6058510875319195e-10,
        -7.585486485235938e-13,
    ),
    cosine=(
        0.041666666666666664,
        -0.0013888888888888887,
        2.4801587301584367e-05,
        -2.75573192211891e-07,
        2.0876755717584403e-09,
        -1.1470449354466773e-11,
        4.745198807202876e-14,
    ),
    erf_small=(
        0.1283791670955126,
        -0.37612638903183754,
        0.11283791670955082,
        -0.02686617064511985,
        0.005223977625288488,
        -0.0008548327011110237,
        0.00012055332345127849,
        -1.4925628316228882e-05,
        1.6461590845053107e-06,
        -1.6357275997938558e-07,
        1.471185790686518e-08,
        -1.159667328450035e-09,
        6.378155232986422e-11,
    ),
    erf_large=(
        1.6485618937214688,
        2.5080125223775678,
        0.8329893621337455,
        0.04481961456880161,
        -0.010827658825774227,
        0.0020850112860366834,
        -0.00021792284760619634,
        -4.544692788444718e-05,
        3.441913829645244e-05,
        -1.1147438727343651e-05,
        2.0119139665893954e-06,
        8.716413220291581e-08,
        -2.3713393945941066e-07,
        1.1284150070546019e-07,
        -3.669453002237946e-08,
        9.357329775091654e-09,
        -1.9433298660335426e-09,
        3.3153279876820984e-10,
        -4.622900536580998e-11,
        5.192777250814606e-12,
        -4.585656601789764e-13,
        3.0643495748885383e-14,
        -1.455668970660201e-15,
        4.376852899761865e-17,
        -6.25692276453878e-19,
    ),
)

# For the power: (2 atanh s - 2 s - 2/3 s^3) / s^5 in s^2, where 2/3 and ln 2 are sums of two and three float64.
LOGARITHM_TAIL = (
    0.4,
    0.28571428571429364,
    0.22222222221656232,
    0.18181818335314404,
    0.15384594970895457,
    0.13334804238225345,
    0.11706248540922386,
    0.11723051028097753,
)

TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
LN2_REST = 1.1612227229362532e-26

# pi/2 as a sum of three float64, and the bits of 2/pi after 64 zeros.
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
TWO_OVER_PI = (
    0,
    0xA2F9836E4E441529,
    0xFC2757D1F534DDC0,
    0xDB6295993C439041,
    0xFE5163ABDEBBC561,
    0xB7246E3A424DD2E0,
    0x06492EEA09D1921C,
    0xFE1DEB1CB129A73E,
    0xE88235F52EBB4484,
    0xE99C7026B45F7E41,
    0x3991D639835339F4,
    0x9C845F8BBDF9283B,
    0x1FF897FFDE05980F,
    0xEF2F118B5A0A6D1F,
    0x6D367ECF27CB09B7,
    0x4F463F669E5FEA2D,
    0x7527BAC7EBE5F17B,
    0x3D0739F78A5292EA,
    0x6BFB5FB11F8D5D08,
    0x56033046FC7B6BAB,
)
