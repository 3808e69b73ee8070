"""The converters, one module per operator family. Importing this package registers them all."""

from tinyc.frontend.tflite.operators import dense, elementwise, pick, quantize, shape, slice, window

__all__ = ["dense", "elementwise", "pick", "quantize", "shape", "slice", "window"]
