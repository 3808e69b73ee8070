"""Cases of compute-twice: a squeeze-excite behind an expansion from one channel to three."""

_START = """
        %x = input : int8[1,4,4,1] q(0.5;3)
        @w = const : int8[3,1,1,1] q(0.1;0)
        @d = const : int8[1,3,3,3] q(0.1;0)
        @g = const : int8[3,1,1,3] q(0.1;0)
        """
_EXPAND = "%e{n} = conv2d(%x, @w, none) : int8[1,4,4,3] q(1;0)\n"
_DEPTHWISE = "%f{n} = depthwise_conv2d(%e{n}, @d, none) {{padding=(1,1,1,1)}} : int8[1,4,4,3] q(2;0)\n"
_GATE = """
        %m = mean(%f) {axes=(1, 2), keep_dims=True} : int8[1,1,1,3] q(2;0)
        %s = conv2d(%m, @g, none) : int8[1,1,1,3] q(1;0)
        """
_END = """
        %y = mul(%s, %f) : int8[1,4,4,3] q(8;0)
        return %y
        """
_ONCE = _START + _EXPAND.format(n="") + _DEPTHWISE.format(n="")

REWRITES = {
    "the map is made again from the smallest tensor before it": (
        _ONCE + _GATE + _END,
        _ONCE + _GATE + _EXPAND.format(n=2) + _DEPTHWISE.format(n=2) + _END.replace("%f)", "%f2)"),
    ),
}

REFUSALS = {
    "nothing before the map is smaller": """
        %x = input : int8[1,4,4,3] q(0.5;3)
        @d = const : int8[1,3,3,3] q(0.1;0)
        @g = const : int8[3,1,1,3] q(0.1;0)
        %f = depthwise_conv2d(%x, @d, none) {padding=(1,1,1,1)} : int8[1,4,4,3] q(2;0)
        """ + _GATE + _END,
    "the map is kept anyway, for the caller": _ONCE + _GATE + _END.replace("return %y", "return %y, %f"),
    "the rows are read by an operator that does not wait": _ONCE + _GATE + """
        %y = relu(%f) : int8[1,4,4,3] q(2;0)
        return %y, %s
        """,
    "two operators read the rows": _ONCE + _GATE + _END.replace(
        "return %y", "%z = relu(%f) : int8[1,4,4,3] q(2;0)\n        return %y, %z"
    ),
    "a residual add joins two tensors": _START + """
        @u = const : int8[1,1,1,3] q(0.1;0)
        %e = conv2d(%x, @w, none) : int8[1,4,4,3] q(1;0)
        %h = depthwise_conv2d(%e, @u, none) : int8[1,4,4,3] q(1;0)
        %f = add(%e, %h) : int8[1,4,4,3] q(2;0)
        """ + _GATE + _END,
}
