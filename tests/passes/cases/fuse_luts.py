"""Cases of fuse-luts."""

_LUT = "const : int8[256]"

REWRITES = {
    "one function": (
        """
        %x = input : int8[1,4] q(0.5;0)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        return %y
        """,
        f"""
        %x = input : int8[1,4] q(0.5;0)
        @t = {_LUT}
        %y = lut(%x, @t) : int8[1,4] q(0.0078125;0)
        return %y
        """,
    ),
    "a chain, with arithmetic on constants of one element": (
        """
        %x = input : int8[2,3,4] q(0.05;0)
        @c = const : int8[1,1] q(0.1;3) hex"1e"
        %a = add(%x, @c) : int8[2,3,4] q(0.06;0)
        %b = hard_swish(%a) : int8[2,3,4] q(0.06;-100)
        %d = requantize(%b) : int8[2,3,4] q(0.1;0)
        %e = mul(@c, %d) : int8[2,3,4] q(0.1;0)
        %y = logistic(%e) : int8[2,3,4] q(0.00390625;-128)
        return %y
        """,
        f"""
        %x = input : int8[2,3,4] q(0.05;0)
        @t = {_LUT}
        %y = lut(%x, @t) : int8[2,3,4] q(0.00390625;-128)
        @c = const : int8[1,1] q(0.1;3)
        return %y
        """,
    ),
    "a tensor multiplied with itself": (
        """
        %x = input : int8[1,300] q(0.05;0)
        %a = tanh(%x) : int8[1,300] q(0.0078125;0)
        %y = mul(%a, %a) : int8[1,300] q(0.01;0)
        return %y
        """,
        f"""
        %x = input : int8[1,300] q(0.05;0)
        @t = {_LUT}
        %y = lut(%x, @t) : int8[1,300] q(0.01;0)
        return %y
        """,
    ),
    "branches of functions look up from before the branch": (
        """
        %x = input : int8[1,4] q(0.05;0)
        %a = hard_swish(%x) : int8[1,4] q(0.06;0)
        %b = relu(%a) : int8[1,4] q(0.03;0)
        %c = tanh(%a) : int8[1,4] q(0.0078125;0)
        %d = requantize(%c) : int8[1,4] q(0.01;0)
        return %b, %d
        """,
        f"""
        %x = input : int8[1,4] q(0.05;0)
        @t = {_LUT}
        @u = {_LUT}
        %b = lut(%x, @t) : int8[1,4] q(0.03;0)
        %d = lut(%x, @u) : int8[1,4] q(0.01;0)
        return %b, %d
        """,
    ),
    "branches that are no functions share what they read": (
        """
        %x = input : int8[1,4] q(0.05;0)
        %a = hard_swish(%x) : int8[1,4] q(0.06;0)
        %b = relu(%a) : int8[1,4] q(0.03;0)
        %c = softmax(%a) : int8[1,4] q(0.00390625;-128)
        return %b, %c
        """,
        f"""
        %x = input : int8[1,4] q(0.05;0)
        @t = {_LUT}
        @u = {_LUT}
        %a = lut(%x, @t) : int8[1,4] q(0.06;0)
        %b = lut(%a, @u) : int8[1,4] q(0.03;0)
        %c = softmax(%a) : int8[1,4] q(0.00390625;-128)
        return %b, %c
        """,
    ),
    "an output in the middle": (
        """
        %x = input : int8[1,4] q(0.05;0)
        %a = hard_swish(%x) : int8[1,4] q(0.06;0)
        %b = relu(%a) : int8[1,4] q(0.03;0)
        return %b, %a
        """,
        f"""
        %x = input : int8[1,4] q(0.05;0)
        @s = {_LUT}
        @t = {_LUT}
        %a = lut(%x, @s) : int8[1,4] q(0.06;0)
        %b = lut(%a, @t) : int8[1,4] q(0.03;0)
        return %b, %a
        """,
    ),
    "a chain that does nothing": (
        """
        %x = input : int8[1,4] q(0.5;0)
        %a = softmax(%x) : int8[1,4] q(0.00390625;-128)
        %b = requantize(%a) : int8[1,4] q(0.00390625;-128)
        %y = softmax(%b) : int8[1,4] q(0.00390625;-128)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;0)
        %a = softmax(%x) : int8[1,4] q(0.00390625;-128)
        %y = softmax(%a) : int8[1,4] q(0.00390625;-128)
        return %y
        """,
    ),
}

REFUSALS = {
    "a constant per channel": """
        %x = input : int8[1,4] q(0.5;0)
        @c = const : int8[4] q(0.5;0)
        %y = add(%x, @c) : int8[1,4] q(1;0)
        return %y
        """,
    "two tensors": """
        %x = input : int8[1,4] q(0.5;0)
        %z = input : int8[1,4] q(0.5;0)
        %y = add(%x, %z) : int8[1,4] q(1;0)
        return %y
        """,
    "real numbers": """
        %x = input : float32[1,4]
        %a = quantize(%x) : int8[1,4] q(0.5;0)
        %y = dequantize(%a) : float32[1,4]
        return %y
        """,
    "a table by itself": f"""
        %x = input : int8[1,4] q(0.5;0)
        @t = {_LUT}
        %y = lut(%x, @t) : int8[1,4] q(1;0)
        return %y
        """,
    "a tensor that broadcasts": """
        %x = input : int8[1,1] q(0.5;0)
        @c = const : int8[1,4] q(0.5;0)
        %y = add(%x, @c) : int8[1,4] q(1;0)
        return %y
        """,
}
