"""Cases of lower-attention: three tokens of four channels, two heads of two."""

_Q = "q(0.02;1)"
_P = "q(0.003922;-128)"


def _four_axes(join: str = "(0,2,1,3)", mask: str = "", extra: str = "", scores: str = "%s") -> str:
    """q, k, v of three dense layers through four axes; K is transposed in one step."""
    return f"""
        %x = input : int8[1,3,4] {_Q}
        @wq = const : int8[4,4] q(0.01;0)
        @wk = const : int8[4,4] q(axis=0;0.01,0.02,0.03,0.04;0,0,0,0)
        @wv = const : int8[4,4] q(0.01;0)
        @bias = const : int32[4]
        {mask}
        %a = fully_connected(%x, @wq, @bias) : int8[1,3,4] {_Q}
        %b = fully_connected(%x, @wk, @bias) : int8[1,3,4] {_Q}
        %c = fully_connected(%x, @wv, none) : int8[1,3,4] {_Q}
        %a4 = reshape(%a) {{shape=(1,3,2,2)}} : int8[1,3,2,2] {_Q}
        %b4 = reshape(%b) {{shape=(1,3,2,2)}} : int8[1,3,2,2] {_Q}
        %c4 = reshape(%c) {{shape=(1,3,2,2)}} : int8[1,3,2,2] {_Q}
        %q = transpose(%a4) {{perm=(0,2,1,3)}} : int8[1,2,3,2] {_Q}
        %k = transpose(%b4) {{perm=(0,2,3,1)}} : int8[1,2,2,3] {_Q}
        %v = transpose(%c4) {{perm=(0,2,1,3)}} : int8[1,2,3,2] {_Q}
        %s = batch_matmul(%q, %k) : int8[1,2,3,3] q(0.05;3)
        {extra}
        %p = softmax_scaled({scores}) {{beta=0.5}} : int8[1,2,3,3] {_P}
        %o = batch_matmul(%p, %v) : int8[1,2,3,2] {_Q}
        %t = transpose(%o) {{perm={join}}} : int8[1,3,2,2] {_Q}
        %j = reshape(%t) {{shape=(1,3,4)}} : int8[1,3,4] {_Q}
        """


def _lowered(mask: str = "", extra: str = "", scores: str = "%s") -> str:
    """Heads one after the other; each part's weights are its own."""
    head = "\n".join(
        f"""
        @wk{h} = const : int8[2,4] q(axis=0;{scales};0,0)
        @bk{h} = const : int32[2]
        @wv{h} = const : int8[2,4] q(0.01;0)
        @wq{h} = const : int8[2,4] q(0.01;0)
        @bq{h} = const : int32[2]
        {mask.replace("#", str(h))}
        %k{h} = fully_connected(%x, @wk{h}, @bk{h}) : int8[1,3,2] {_Q}
        %v{h} = fully_connected(%x, @wv{h}, none) : int8[1,3,2] {_Q}
        %q{h} = fully_connected(%x, @wq{h}, @bq{h}) : int8[1,3,2] {_Q}
        %s{h} = batch_matmul(%q{h}, %k{h}) {{transpose_b=True}} : int8[1,3,3] q(0.05;3)
        {extra.replace("#", str(h))}
        %p{h} = softmax_scaled({scores}{h}) {{beta=0.5}} : int8[1,3,3] {_P}
        %o{h} = batch_matmul(%p{h}, %v{h}) : int8[1,3,2] {_Q}
        """
        for h, scales in enumerate(("0.01,0.02", "0.03,0.04"))
    )
    return f"""
        %x = input : int8[1,3,4] {_Q}
        {head}
        %j = concatenation(%o0, %o1) {{axis=2}} : int8[1,3,4] {_Q}
        """


_PROJECTION = f"""
        @w = const : int8[5,4] q(0.01;0)
        %y = fully_connected(%j, @w, none) : int8[1,3,5] {_Q}
        return %y
        """
_RETURN = "\n        return %j\n        "

_FIVE_AXES = f"""
        %x = input : int8[3,4] {_Q}
        @w = const : int8[12,4] q(0.01;0)
        %a = fully_connected(%x, @w, none) : int8[3,12] {_Q}
        %b = reshape(%a) {{shape=(1,3,3,2,2)}} : int8[1,3,3,2,2] {_Q}
        %c = transpose(%b) {{perm=(2,0,3,1,4)}} : int8[3,1,2,3,2] {_Q}
        %q5 = strided_slice(%c) {{begin=(0,0,0,0,0), stride=(1,1,1,1,1), shape=(1,1,2,3,2)}} : int8[1,1,2,3,2] {_Q}
        %k5 = strided_slice(%c) {{begin=(1,0,0,0,0), stride=(1,1,1,1,1), shape=(1,1,2,3,2)}} : int8[1,1,2,3,2] {_Q}
        %v5 = strided_slice(%c) {{begin=(2,0,0,0,0), stride=(1,1,1,1,1), shape=(1,1,2,3,2)}} : int8[1,1,2,3,2] {_Q}
        %q = reshape(%q5) {{shape=(2,3,2)}} : int8[2,3,2] {_Q}
        %k = reshape(%k5) {{shape=(2,3,2)}} : int8[2,3,2] {_Q}
        %v = reshape(%v5) {{shape=(2,3,2)}} : int8[2,3,2] {_Q}
        %s = batch_matmul(%q, %k) {{transpose_b=True}} : int8[2,3,3] q(0.05;3)
        %p = softmax_scaled(%s) {{beta=0.5}} : int8[2,3,3] {_P}
        %o = batch_matmul(%p, %v) : int8[2,3,2] {_Q}
        %t = transpose(%o) {{perm=(1,0,2)}} : int8[3,2,2] {_Q}
        %j = reshape(%t) {{shape=(3,4)}} : int8[3,4] {_Q}
        return %j
        """


def _five_lowered() -> str:
    head = "\n".join(
        f"""
        @wk{h} = const : int8[2,4] q(0.01;0)
        @wv{h} = const : int8[2,4] q(0.01;0)
        @wq{h} = const : int8[2,4] q(0.01;0)
        %xk{h} = reshape(%x) {{shape=(1,3,4)}} : int8[1,3,4] {_Q}
        %k{h} = fully_connected(%xk{h}, @wk{h}, none) : int8[1,3,2] {_Q}
        %xv{h} = reshape(%x) {{shape=(1,3,4)}} : int8[1,3,4] {_Q}
        %v{h} = fully_connected(%xv{h}, @wv{h}, none) : int8[1,3,2] {_Q}
        %xq{h} = reshape(%x) {{shape=(1,3,4)}} : int8[1,3,4] {_Q}
        %q{h} = fully_connected(%xq{h}, @wq{h}, none) : int8[1,3,2] {_Q}
        %s{h} = batch_matmul(%q{h}, %k{h}) {{transpose_b=True}} : int8[1,3,3] q(0.05;3)
        %p{h} = softmax_scaled(%s{h}) {{beta=0.5}} : int8[1,3,3] {_P}
        %o{h} = batch_matmul(%p{h}, %v{h}) : int8[1,3,2] {_Q}
        """
        for h in range(2)
    )
    return f"""
        %x = input : int8[3,4] {_Q}
        {head}
        %side = concatenation(%o0, %o1) {{axis=2}} : int8[1,3,4] {_Q}
        %j = reshape(%side) {{shape=(3,4)}} : int8[3,4] {_Q}
        return %j
        """


_LUT = "const : int8[256]"
_TABLE = {
    "mask": f"@t = {_LUT}",
    "extra": "%r = lut(%s, @t) : int8[1,2,3,3] q(0.04;0)",
    "scores": "%r",
}
_TABLE_AFTER = {
    "mask": "",
    "extra": "%r# = lut(%s#, @t) : int8[1,3,3] q(0.04;0)",
    "scores": "%r",
}

REWRITES = {
    "three dense layers, four axes": (_four_axes() + _PROJECTION, _lowered() + _PROJECTION),
    "the result is the network's": (_four_axes() + _RETURN, _lowered() + _RETURN),
    "one dense layer, five axes, tokens of two axes": (_FIVE_AXES, _five_lowered()),
    "a function of the scores": (
        _four_axes(**_TABLE) + _PROJECTION,
        _lowered(**_TABLE_AFTER).replace("%k0 =", f"@t = {_LUT}\n        %k0 =") + _PROJECTION,
    ),
    "a constant mask, the same for all heads": (
        _four_axes(
            mask="@m = const : int8[3,3] q(0.1;-7)",
            extra="%r = add(%s, @m) : int8[1,2,3,3] q(0.04;0)",
            scores="%r",
        ) + _PROJECTION,
        _lowered(
            mask="@m# = const : int8[1,3,3] q(0.1;-7)",
            extra="%r# = add(%s#, @m#) : int8[1,3,3] q(0.04;0)",
            scores="%r",
        ) + _PROJECTION,
    ),
    "interleaved heads: the weights behind them take another order": (
        _four_axes().replace("perm=(0,2,1,3)} : int8[1,3,2,2]", "perm=(0,2,3,1)} : int8[1,3,2,2]") + _PROJECTION,
        _lowered() + _PROJECTION,
    ),
}

REFUSALS = {
    "interleaved heads that the caller reads":
        _four_axes().replace("perm=(0,2,1,3)} : int8[1,3,2,2]", "perm=(0,2,3,1)} : int8[1,3,2,2]") + _RETURN,
    "heads that do not become channels": _four_axes().replace(
        "perm=(0,2,1,3)} : int8[1,3,2,2]", "perm=(0,1,2,3)} : int8[1,2,3,2]"
    ) + _RETURN,
    "the keys are read elsewhere": _four_axes() + f"""
        %z = relu(%b) : int8[1,3,4] {_Q}
        return %j, %z
        """,
    "the scores are a network output": _four_axes() + "\n        return %j, %s\n",
    "no softmax between the products": _four_axes().replace(
        f"softmax_scaled(%s) {{beta=0.5}} : int8[1,2,3,3] {_P}", f"requantize(%s) : int8[1,2,3,3] {_P}"
    ) + _RETURN,
    "a softmax along the queries": _four_axes(
        extra="%r = transpose(%s) {perm=(0,1,3,2)} : int8[1,2,3,3] q(0.05;3)", scores="%r"
    ) + _RETURN,
    "keys that no dense layer makes": _four_axes().replace("transpose(%b4)", "transpose(%x4)").replace(
        "%a4 =", f"%x4 = reshape(%x) {{shape=(1,3,2,2)}} : int8[1,3,2,2] {_Q}\n        %a4 ="
    ) + _RETURN,
    "a head that is alone and in order": f"""
        %x = input : int8[1,3,4] {_Q}
        @w = const : int8[2,4] q(0.01;0)
        @v = const : int8[2,4] q(0.01;0)
        %k = fully_connected(%x, @w, none) : int8[1,3,2] {_Q}
        %v = fully_connected(%x, @v, none) : int8[1,3,2] {_Q}
        %q = fully_connected(%x, @w, none) : int8[1,3,2] {_Q}
        %s = batch_matmul(%q, %k) {{transpose_b=True}} : int8[1,3,3] q(0.05;3)
        %p = softmax_scaled(%s) {{beta=0.5}} : int8[1,3,3] {_P}
        %o = batch_matmul(%p, %v) : int8[1,3,2] {_Q}
        return %o
        """,
}
