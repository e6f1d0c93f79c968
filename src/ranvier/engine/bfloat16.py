"""The specification of products with the precision "bfloat16": which bits come out, on every processor.

An operand of a product of matrices is rounded to bfloat16: 8 bits of significand and the exponents of float32, to the
nearest number, ties to the even one, infinite beyond the range; what is not a number stays so. What is then nearer to
0 than `SMALLEST` becomes 0, -0 too. The sum of K terms is

    c_0 = the bias, or 0 where it is nearer to 0 than `SMALLEST_START`; 0 where there is none
    c_k = a_k b_k + c_(k-1), rounded once to float32, to nearest even          k = 1 ... K, ascending

Processors have an instruction for two such steps at once. It takes subnormal numbers (below 2^-126) for 0 and gives 0
for them, which the usual instructions do not. Here neither occurs: an operand other than 0 is a multiple of 2^-63, so a
product is one of 2^-126, and so is c_0; sums of multiples of 2^-126 are such multiples, and rounding keeps them so. So
both kinds of instructions give the same bits, whatever a processor does with subnormal numbers. Nor does c ever become
-0, so that a pair filled up with zeros, where K is odd, changes nothing.

Sources: Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019; Intel, "Intel 64 and IA-32
Architectures Software Developer's Manual", volume 2, VDPBF16PS.
"""

SMALLEST = 2.0**-56
"""Operands of products that are nearer to 0, when rounded, count as 0."""
SMALLEST_START = 2.0**-103
"""Biases that are nearer to 0 count as 0 where products are added to them."""
