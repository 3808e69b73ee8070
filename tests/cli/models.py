"""Small model files for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

from tests.support.passes import read
from tests.support.tflite_writer import write_tflite

RESIDUAL = """
  %image = input : int8[1,8,8,4] q(0.05;3)
  @w0 = const : int8[4,3,3,4] q(0.01;0)
  @b0 = const : int32[4]
  %conv = conv2d(%image, @w0, @b0) {padding=(1, 1, 1, 1)} : int8[1,8,8,4] q(0.15;-28)
  %sum = add(%conv, %image) : int8[1,8,8,4] q(0.2;5)
  @w1 = const : int8[1,3,3,4] q(0.02;0)
  @b1 = const : int32[4]
  %down = depthwise_conv2d(%sum, @w1, @b1) {stride=(2, 2), padding=(0, 0, 1, 1)} : int8[1,4,4,4] q(0.3;0)
  %flat = reshape(%down) {shape=(1, 64)} : int8[1,64] q(0.3;0)
  @w2 = const : int8[10,64] q(0.01;0)
  @b2 = const : int32[10]
  %scores = fully_connected(%flat, @w2, @b2) : int8[1,10] q(0.5;-7)
  return %scores
"""

FLOAT_ENDS = """
  %real = input : float32[1,8,8,4]
  %image = quantize(%real) : int8[1,8,8,4] q(0.05;3)
  @w0 = const : int8[4,3,3,4] q(0.01;0)
  @b0 = const : int32[4]
  %conv = conv2d(%image, @w0, @b0) {padding=(1, 1, 1, 1)} : int8[1,8,8,4] q(0.15;-28)
  %result = dequantize(%conv) : float32[1,8,8,4]
  return %result
"""

# widened in the middle: worth streaming
STREAMED = """
  %image = input : int8[1,16,16,4] q(0.05;3)
  @w0 = const : int8[32,1,1,4] q(0.01;0)
  @b0 = const : int32[32]
  %wide = conv2d(%image, @w0, @b0) : int8[1,16,16,32] q(0.1;-28)
  @w1 = const : int8[1,3,3,32] q(0.02;0)
  @b1 = const : int32[32]
  %spread = depthwise_conv2d(%wide, @w1, @b1) {padding=(1, 1, 1, 1)} : int8[1,16,16,32] q(0.2;0)
  @w2 = const : int8[4,1,1,32] q(0.01;0)
  @b2 = const : int32[4]
  %narrow = conv2d(%spread, @w2, @b2) : int8[1,16,16,4] q(0.3;5)
  return %narrow
"""

# 512 x 512 x 4 in and out: more SRAM than a board has
LARGE = """
  %image = input : int8[1,512,512,4] q(0.05;3)
  @w0 = const : int8[4,3,3,4] q(0.01;0)
  @b0 = const : int32[4]
  %conv = conv2d(%image, @w0, @b0) {padding=(1, 1, 1, 1)} : int8[1,512,512,4] q(0.15;-28)
  return %conv
"""

# 1.2 million weights: more flash than a board has
HEAVY = """
  %x = input : int8[1,1200] q(0.05;3)
  @w = const : int8[1000,1200] q(0.01;0)
  @b = const : int32[1000]
  %y = fully_connected(%x, @w, @b) : int8[1,1000] q(0.5;-7)
  return %y
"""


def write(folder: Path, name: str, text: str) -> Path:
    """The graph as folder/name.tflite."""
    path = folder / f"{name}.tflite"
    path.write_bytes(write_tflite(read(text)))
    return path
