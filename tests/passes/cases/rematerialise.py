"""Cases of rematerialise: two heads of one channel each, on two tokens."""

_Q = "q(0.5;1)"
_HEAD = """
        %k{h} = fully_connected(%{kv}, @w, none) : int8[1,2,2] q(20;0)
        %q{h} = fully_connected(%{q}, @u, none) : int8[1,2,2] q(20;0)
        %s{h} = batch_matmul(%q{h}, %k{h}) {{transpose_b=True}} : int8[1,2,2] q(9999;0)
"""
_START = f"""
        %x = input : int8[1,2,3] {_Q}
        @w = const : int8[2,3] q(0.5;0)
        @u = const : int8[2,3] q(0.5;0)
        %n = layer_norm(%x, none, none) {{epsilon=0.001}} : int8[1,2,3] q(0.02;0)
        """
_END = """
        %j = concatenation(%s0, %s1) {axis=2} : int8[1,2,4] q(9999;0)
        @v = const : int8[3,4] q(0.5;0)
        %o = fully_connected(%j, @v, none) : int8[1,2,3] q(99999;0)
        %y = add(%x, %o) : int8[1,2,3] q(99999;0)
        return %y
        """


def _heads(*reads: str) -> str:
    return "".join(_HEAD.format(h=h, kv=read, q=read) for h, read in enumerate(reads))


REWRITES = {
    "each head its own": (
        _START + _heads("n", "n") + _END,
        _START + _HEAD.format(h=0, kv="n", q="n")
        + "%m = layer_norm(%x, none, none) {epsilon=0.001} : int8[1,2,3] q(0.02;0)\n"
        + _HEAD.format(h=1, kv="m", q="m") + _END,
    ),
}

REFUSALS = {
    "both heads run at once": _START + """
        %k0 = fully_connected(%n, @w, none) : int8[1,2,2] q(20;0)
        %q0 = fully_connected(%n, @u, none) : int8[1,2,2] q(20;0)
        %k1 = fully_connected(%n, @w, none) : int8[1,2,2] q(20;0)
        %q1 = fully_connected(%n, @u, none) : int8[1,2,2] q(20;0)
        %s0 = batch_matmul(%q0, %k0) {transpose_b=True} : int8[1,2,2] q(9999;0)
        %s1 = batch_matmul(%q1, %k1) {transpose_b=True} : int8[1,2,2] q(9999;0)
        """ + _END,
    "what is shared is read otherwise too": _START + _heads("n", "n") + _END.replace(
        "return %y", "%z = relu(%n) : int8[1,2,3] q(0.02;0)\n        return %y, %z"
    ),
    "an image": """
        %x = input : int8[1,2,2,3] q(0.5;1)
        %n = relu(%x) : int8[1,2,2,3] q(0.5;1)
        %a = mean(%n) {axes=(1,2), keep_dims=True} : int8[1,1,1,3] q(0.5;1)
        %b = mul(%n, %a) : int8[1,2,2,3] q(40;0)
        return %b
        """,
}
