"""Cases of drop-float-ends."""

REWRITES = {
    "quantize first, dequantize last": (
        """
        %x = input : float32[1,4]
        %q = quantize(%x) : int8[1,4] q(0.5;3)
        %t = tanh(%q) : int8[1,4] q(0.0078125;0)
        %y = dequantize(%t) : float32[1,4]
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;3)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        return %y
        """,
    ),
    "the same quantize twice": (
        """
        %x = input : float32[1,4]
        %p = quantize(%x) : int8[1,4] q(0.5;3)
        %q = quantize(%x) : int8[1,4] q(0.5;3)
        %y = add(%p, %q) : int8[1,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;3)
        %y = add(%x, %x) : int8[1,4] q(1;0)
        return %y
        """,
    ),
    "codes that a node reads too": (
        """
        %x = input : int8[1,4] q(0.5;3)
        %t = tanh(%x) : int8[1,4] q(0.0078125;0)
        %u = relu(%t) : int8[1,4] q(0.0078125;0)
        %y = dequantize(%t) : float32[1,4]
        return %y, %u
        """,
        """
        %x = input : int8[1,4] q(0.5;3)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        %u = relu(%y) : int8[1,4] q(0.0078125;0)
        return %y, %u
        """,
    ),
}

REFUSALS = {
    "two quantizes that want different codes of one input": """
        %x = input : float32[1,4]
        %p = quantize(%x) : int8[1,4] q(0.5;3)
        %q = quantize(%x) : int8[1,4] q(0.5;4)
        %y = add(%p, %q) : int8[1,4] q(1;0)
        return %y
        """,
    "codes of the input that are an output": """
        %x = input : float32[1,4]
        %q = quantize(%x) : int8[1,4] q(0.5;3)
        return %q
        """,
    "an input that is an output as well": """
        %x = input : float32[1,4]
        %q = quantize(%x) : int8[1,4] q(0.5;3)
        %y = relu(%q) : int8[1,4] q(0.5;3)
        return %y, %x
        """,
    "real numbers of an input": """
        %x = input : int8[1,4] q(0.5;3)
        %y = dequantize(%x) : float32[1,4]
        return %y
        """,
    "codes that are an output themselves": """
        %x = input : int8[1,4] q(0.5;3)
        %q = relu(%x) : int8[1,4] q(0.5;3)
        %y = dequantize(%q) : float32[1,4]
        return %q, %y
        """,
    "real numbers that an operator reads too": """
        %x = input : int8[1,4] q(0.5;3)
        %t = tanh(%x) : int8[1,4] q(0.0078125;0)
        %y = dequantize(%t) : float32[1,4]
        %z = quantize(%y) : int8[1,4] q(0.25;0)
        return %y, %z
        """,
    "a quantize and a dequantize in the middle": """
        %x = input : int8[1,4] q(0.5;3)
        %r = dequantize(%x) : float32[1,4]
        %y = quantize(%r) : int8[1,4] q(0.25;0)
        return %y
        """,
}
