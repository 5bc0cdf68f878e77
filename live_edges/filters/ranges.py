"""What a filter may be: the ranges that the command line checks before NumPy is imported."""

MIN_SIGMA, MAX_SIGMA = 0.3, 5.0  # pixels; below, a Gaussian falls between the samples
MAX_KERNEL_SIZE = 31
MAX_KERNELS = 64
