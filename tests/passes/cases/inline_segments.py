"""Cases of inline-segments."""

_ENDS = """
        %x = input : int8[1,4,4,2] q(0.5;3)
        @w = const : int8[2,3,3,2] q(0.1;0)
        """

REWRITES = {
    "operators take the place of a segment, whose names are its own": (
        _ENDS + """
        %a = relu(%x) : int8[1,4,4,2] q(0.5;3)
        %y = segment(%a as %x, @w) {heights=(1, 2)} : int8[1,4,4,2] q(2;0) {
          %a = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,4,4,2] q(1;0)
          %b = add(%a, %x) : int8[1,4,4,2] q(2;0)
          return %b
        }
        return %y
        """,
        _ENDS + """
        %a = relu(%x) : int8[1,4,4,2] q(0.5;3)
        %c = conv2d(%a, @w, none) {padding=(1,1,1,1)} : int8[1,4,4,2] q(1;0)
        %y = add(%c, %a) : int8[1,4,4,2] q(2;0)
        return %y
        """,
    ),
}

REFUSALS = {
    "no segment": _ENDS + """
        %y = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,4,4,2] q(1;0)
        return %y
        """,
}
