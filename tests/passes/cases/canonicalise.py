"""Cases of canonicalise."""


def _gone(operator: str, attributes: str = "") -> tuple[str, str]:
    """An operator on an image that is to vanish between two others."""
    ends = """
        %x = input : int8[1,4,3,2] q(0.5;-3)
        %a = tanh(%x) : int8[1,4,3,2] q(0.0078125;0)"""
    return (
        f"""{ends}
        %b = {operator}(%a) {{{attributes}}} : int8[1,4,3,2] q(0.0078125;0)
        %y = requantize(%b) : int8[1,4,3,2] q(0.25;0)
        return %y""",
        f"""{ends}
        %y = requantize(%a) : int8[1,4,3,2] q(0.25;0)
        return %y""",
    )


REWRITES = {
    "a slice that takes everything": _gone(
        "strided_slice", "begin=(0,0,0,0), stride=(1,1,1,1), shape=(1,4,3,2)"
    ),
    "a pad by nothing": _gone("pad", "before=(0,0,0,0), after=(0,0,0,0), value=7"),
    "a concatenation of one": _gone("concatenation", "axis=2"),
    "a resize to the same size": _gone("resize_nearest", "size=(4,3), half_pixel_centers=True"),
    "a maximum pool of one": _gone("max_pool2d"),
    "an average pool of one": _gone("average_pool2d"),
    "a requantize between equal quantisations": _gone("requantize"),
    "a transpose that keeps the order": _gone("transpose", "perm=(0,1,2,3)"),
    "a mean over an axis of length 1": _gone("mean", "axes=(0,), keep_dims=True"),
    "a relu above the zero point": (
        """
        %x = input : int8[1,4] q(0.5;-128)
        %a = logistic(%x) : int8[1,4] q(0.00390625;-128)
        %y = relu(%a) : int8[1,4] q(0.00390625;-128)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;-128)
        %y = logistic(%x) : int8[1,4] q(0.00390625;-128)
        return %y
        """,
    ),
    "a transpose that moves only axes of length 1 is a reshape": (
        """
        %x = input : int8[1,4,1,3] q(0.5;0)
        %y = transpose(%x) {perm=(2,1,3,0)} : int8[1,4,3,1] q(0.5;0)
        return %y
        """,
        """
        %x = input : int8[1,4,1,3] q(0.5;0)
        %y = reshape(%x) {shape=(1,4,3,1)} : int8[1,4,3,1] q(0.5;0)
        return %y
        """,
    ),
    "a mean that drops axes of length 1 is a reshape": (
        """
        %x = input : int8[1,1,1,3] q(0.5;4)
        %y = mean(%x) {axes=(1,2)} : int8[1,3] q(0.5;4)
        return %y
        """,
        """
        %x = input : int8[1,1,1,3] q(0.5;4)
        %y = reshape(%x) {shape=(1,3)} : int8[1,3] q(0.5;4)
        return %y
        """,
    ),
}

REFUSALS = {
    "a mean over axes of length 1 that changes the quantisation": """
        %x = input : int8[1,1,1,3] q(0.5;4)
        %y = mean(%x) {axes=(1,2), keep_dims=True} : int8[1,1,1,3] q(0.25;4)
        return %y
        """,
    "a pool of one with a clamp": """
        %x = input : int8[1,4,3,2] q(0.5;0)
        %y = max_pool2d(%x) {clamp=(0,127)} : int8[1,4,3,2] q(0.5;0)
        return %y
        """,
    "a pool of one that skips pixels": """
        %x = input : int8[1,4,3,2] q(0.5;0)
        %y = max_pool2d(%x) {stride=(2,1)} : int8[1,2,3,2] q(0.5;0)
        return %y
        """,
    "a slice that walks backwards": """
        %x = input : int8[4] q(0.5;0)
        %y = strided_slice(%x) {begin=(3,), stride=(-1,), shape=(4,)} : int8[4] q(0.5;0)
        return %y
        """,
    "a relu that cuts": """
        %x = input : int8[1,4] q(0.5;-127)
        %y = relu(%x) : int8[1,4] q(0.5;-127)
        return %y
        """,
    "a requantize that changes the scale but no code": """
        %x = input : int8[1,4] q(0.5;0)
        %a = requantize(%x) : int8[1,4] q(0.5001;0)
        %y = add(%a, %x) : int8[1,4] q(1;0)
        return %y
        """,
    "an input copied to an output": """
        %x = input : int8[1,4] q(0.5;0)
        %y = requantize(%x) : int8[1,4] q(0.5;0)
        return %y
        """,
    "an output copied to an output": """
        %x = input : int8[1,4] q(0.5;0)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        %z = requantize(%y) : int8[1,4] q(0.0078125;0)
        return %z, %y
        """,
}
