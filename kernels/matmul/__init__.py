"""Products of two matrices that were both computed: attention's scores and its weighted values."""

from tinyc.kernels.matmul import matmul

__all__ = ["matmul"]
