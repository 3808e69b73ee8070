"""Cases of fold-padding."""

_IMAGE = """
        %x = input : int8[1,5,5,2] q(0.5;3)
        @w = const : int8[4,3,3,2] q(0.1;0)
        @d = const : int8[1,3,3,2] q(0.1;0)
"""

REWRITES = {
    "a convolution": (
        _IMAGE + """
        %p = pad(%x) {before=(0,1,2,0), after=(0,3,0,0), value=3} : int8[1,9,7,2] q(0.5;3)
        %y = conv2d(%p, @w, none) {stride=(2,1)} : int8[1,4,5,4] q(2;0)
        return %y
        """,
        """
        %x = input : int8[1,5,5,2] q(0.5;3)
        @w = const : int8[4,3,3,2] q(0.1;0)
        @d = const : int8[1,3,3,2] q(0.1;0)
        %y = conv2d(%x, @w, none) {stride=(2,1), padding=(1,2,3,0)} : int8[1,4,5,4] q(2;0)
        return %y
        """,
    ),
    "a depthwise convolution that pads by itself as well": (
        _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = depthwise_conv2d(%p, @d, none) {padding=(1,1,1,1)} : int8[1,7,7,2] q(2;0)
        return %y
        """,
        _IMAGE + """
        %y = depthwise_conv2d(%x, @d, none) {padding=(2,2,2,2)} : int8[1,7,7,2] q(2;0)
        return %y
        """,
    ),
    "two pads, one after the other": (
        _IMAGE + """
        %p = pad(%x) {before=(0,1,0,0), after=(0,0,0,0), value=3} : int8[1,6,5,2] q(0.5;3)
        %q = pad(%p) {before=(0,0,1,0), after=(0,0,0,0), value=3} : int8[1,6,6,2] q(0.5;3)
        %y = conv2d(%q, @w, none) : int8[1,4,4,4] q(2;0)
        return %y
        """,
        _IMAGE + """
        %y = conv2d(%x, @w, none) {padding=(1,1,0,0)} : int8[1,4,4,4] q(2;0)
        return %y
        """,
    ),
    "for the readers that can; the pad stays for the pool": (
        _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = conv2d(%p, @w, none) : int8[1,5,5,4] q(2;0)
        %z = average_pool2d(%p) {extent=(3,3)} : int8[1,5,5,2] q(0.5;3)
        return %y, %z
        """,
        _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,5,5,4] q(2;0)
        %z = average_pool2d(%p) {extent=(3,3)} : int8[1,5,5,2] q(0.5;3)
        return %y, %z
        """,
    ),
    "a pad that is an output stays as such": (
        _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = conv2d(%p, @w, none) : int8[1,5,5,4] q(2;0)
        return %y, %p
        """,
        _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = conv2d(%x, @w, none) {padding=(1,1,1,1)} : int8[1,5,5,4] q(2;0)
        return %y, %p
        """,
    ),
}

REFUSALS = {
    "another code than the zero point": _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=0} : int8[1,7,7,2] q(0.5;3)
        %y = conv2d(%p, @w, none) : int8[1,5,5,4] q(2;0)
        return %y
        """,
    "padding of channels": _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,2), value=3} : int8[1,7,7,4] q(0.5;3)
        @v = const : int8[4,3,3,4] q(0.1;0)
        %y = conv2d(%p, @v, none) : int8[1,5,5,4] q(2;0)
        return %y
        """,
    "padding of batches": _IMAGE + """
        %p = pad(%x) {before=(1,1,1,0), after=(0,1,1,0), value=3} : int8[2,7,7,2] q(0.5;3)
        %y = conv2d(%p, @w, none) : int8[2,5,5,4] q(2;0)
        return %y
        """,
    "an average pool counts the zero points of a pad": _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = average_pool2d(%p) {extent=(3,3)} : int8[1,5,5,2] q(0.5;3)
        return %y
        """,
    "a maximum pool sees the zero points of a pad": _IMAGE + """
        %p = pad(%x) {before=(0,1,1,0), after=(0,1,1,0), value=3} : int8[1,7,7,2] q(0.5;3)
        %y = max_pool2d(%p) {extent=(3,3)} : int8[1,5,5,2] q(0.5;3)
        return %y
        """,
    "a dense layer has no padding": """
        %x = input : int8[1,4] q(0.5;3)
        @w = const : int8[2,5] q(0.1;0)
        %p = pad(%x) {before=(0,1), after=(0,0), value=3} : int8[1,5] q(0.5;3)
        %y = fully_connected(%p, @w, none) : int8[1,2] q(2;0)
        return %y
        """,
}
