"""The hot loops, in Numba: one file for each file that calls it.

Most kernels are the machine's forward and backward pass, and carry the names of the
references in `layers/`. Convolution leaves its products to BLAS, so its six kernels are
what stands around a matrix product; `optim.py` belongs to net/optim.py.

No mathematics is explained here, only speed. Arguments come in the order outputs,
scratch, inputs, numbers; a kernel allocates nothing and returns nothing. Numbers that
meet floating point arrive in the arrays' own dtype: one float64 constant would halve
the SIMD width.
"""
