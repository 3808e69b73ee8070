"""What the families of provider `tinyc` share: the base of their declarations, walks over strided arrays, C headers."""
