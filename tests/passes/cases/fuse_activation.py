"""Cases of fuse-activation."""

_LAYER = """
        %x = input : int8[1,4] q(0.5;3)
        @w = const : int8[2,4] q(0.1;0)
"""

REWRITES = {
    "relu of a dense layer": (
        _LAYER + """
        %a = fully_connected(%x, @w, none) : int8[1,2] q(1;-20)
        %y = relu(%a) : int8[1,2] q(1;-20)
        return %y
        """,
        _LAYER + """
        %y = fully_connected(%x, @w, none) {clamp=(-20,127)} : int8[1,2] q(1;-20)
        return %y
        """,
    ),
    "relu6 of a sum that is clamped already": (
        _LAYER + """
        %a = add(%x, %x) {clamp=(-8,127)} : int8[1,4] q(0.5;-20)
        %y = relu6(%a) : int8[1,4] q(0.5;-20)
        return %y
        """,
        _LAYER + """
        %y = add(%x, %x) {clamp=(-8,-8)} : int8[1,4] q(0.5;-20)
        return %y
        """,
    ),
    "activations behind each other, through a reshape": (
        _LAYER + """
        %a = mul(%x, %x) : int8[1,4] q(0.5;0)
        %b = relu(%a) : int8[1,4] q(0.5;0)
        %r = reshape(%b) {shape=(4,)} : int8[4] q(0.5;0)
        %y = relu6(%r) : int8[4] q(0.5;0)
        return %y
        """,
        _LAYER + """
        %a = mul(%x, %x) {clamp=(0,12)} : int8[1,4] q(0.5;0)
        %y = reshape(%a) {shape=(4,)} : int8[4] q(0.5;0)
        return %y
        """,
    ),
    "a maximum with a constant, of a pool": (
        """
        %x = input : int8[1,4,4,1] q(0.5;3)
        @c = const : int8[1] q(0.5;3) hex"05"
        %a = max_pool2d(%x) {extent=(2,2)} : int8[1,3,3,1] q(0.5;3)
        %y = maximum(@c, %a) : int8[1,3,3,1] q(0.5;3)
        return %y
        """,
        """
        %x = input : int8[1,4,4,1] q(0.5;3)
        @c = const : int8[1] q(0.5;3)
        %y = max_pool2d(%x) {extent=(2,2), clamp=(5,127)} : int8[1,3,3,1] q(0.5;3)
        return %y
        """,
    ),
    "a relu that the clamp has made idle, though others read the sum": (
        _LAYER + """
        %a = add(%x, %x) {clamp=(3,127)} : int8[1,4] q(0.5;3)
        %b = relu(%a) : int8[1,4] q(0.5;3)
        %y = add(%a, %b) : int8[1,4] q(1;3)
        return %y
        """,
        _LAYER + """
        %a = add(%x, %x) {clamp=(3,127)} : int8[1,4] q(0.5;3)
        %y = add(%a, %a) : int8[1,4] q(1;3)
        return %y
        """,
    ),
}

REFUSALS = {
    "a relu that changes the scale": _LAYER + """
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %y = relu(%a) : int8[1,4] q(0.5;3)
        return %y
        """,
    "a relu that changes the zero point": _LAYER + """
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %y = relu(%a) : int8[1,4] q(1;-128)
        return %y
        """,
    "a producer that others read": _LAYER + """
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %b = relu(%a) : int8[1,4] q(1;3)
        %y = sub(%a, %b) : int8[1,4] q(0.5;3)
        return %y
        """,
    "a producer that is an output": _LAYER + """
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %y = relu(%a) : int8[1,4] q(1;3)
        return %y, %a
        """,
    "a producer without a clamp": _LAYER + """
        %a = leaky_relu(%x) {alpha=0.5} : int8[1,4] q(0.5;3)
        %y = relu(%a) : int8[1,4] q(0.5;3)
        return %y
        """,
    "a function that is more than a clamp": _LAYER + """
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %y = leaky_relu(%a) {alpha=0.5} : int8[1,4] q(1;3)
        return %y
        """,
    "a constant per channel": _LAYER + """
        @c = const : int8[4] q(1;3)
        %a = add(%x, %x) : int8[1,4] q(1;3)
        %y = maximum(%a, @c) : int8[1,4] q(1;3)
        return %y
        """,
    "no producer": _LAYER + """
        %y = relu(%x) : int8[1,4] q(0.5;3)
        return %y
        """,
}
