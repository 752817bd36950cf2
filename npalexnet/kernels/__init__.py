"""The hot loops, in Numba. Files and functions mirror `layers/`.

No mathematics is explained here, only speed. Outputs come first, then inputs, then
numbers; a kernel allocates nothing and returns nothing. Numbers that meet floating
point arrive in the arrays' own dtype: one float64 constant would halve the SIMD width.
"""
