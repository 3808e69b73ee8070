"""What kernels share: the base of plain C declarations, overlap distances, strided walks, C headers."""
