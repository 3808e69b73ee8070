"""Cases of common-subexpressions."""

_CODES = "00" * 3 + "05"

REWRITES = {
    "equal nodes on equal nodes": (
        """
        %x = input : int8[1,4] q(0.5;0)
        %a = tanh(%x) : int8[1,4] q(0.0078125;0)
        %b = tanh(%x) : int8[1,4] q(0.0078125;0)
        %c = relu(%a) : int8[1,4] q(0.0078125;0)
        %d = relu(%b) : int8[1,4] q(0.0078125;0)
        %y = add(%c, %d) : int8[1,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;0)
        %a = tanh(%x) : int8[1,4] q(0.0078125;0)
        %c = relu(%a) : int8[1,4] q(0.0078125;0)
        %y = add(%c, %c) : int8[1,4] q(1;0)
        return %y
        """,
    ),
    "equal constants": (
        f"""
        %x = input : int8[1,4] q(0.5;0)
        @a = const : int8[1,4] q(0.5;1) hex"{_CODES}"
        @b = const : int8[1,4] q(0.5;1) hex"{_CODES}"
        @c = const : int8[1,4] q(0.5;2) hex"{_CODES}"
        %t = add(%x, @a) : int8[1,4] q(1;0)
        %u = add(%t, @b) : int8[1,4] q(1;0)
        %y = add(%u, @c) : int8[1,4] q(1;0)
        return %y
        """,
        f"""
        %x = input : int8[1,4] q(0.5;0)
        @a = const : int8[1,4] q(0.5;1) hex"{_CODES}"
        @c = const : int8[1,4] q(0.5;2) hex"{_CODES}"
        %t = add(%x, @a) : int8[1,4] q(1;0)
        %u = add(%t, @a) : int8[1,4] q(1;0)
        %y = add(%u, @c) : int8[1,4] q(1;0)
        return %y
        """,
    ),
    "one of the two is an output": (
        """
        %x = input : int8[1,4] q(0.5;0)
        %a = tanh(%x) : int8[1,4] q(0.0078125;0)
        %b = tanh(%x) : int8[1,4] q(0.0078125;0)
        %y = relu(%a) : int8[1,4] q(0.0078125;0)
        return %y, %b
        """,
        """
        %x = input : int8[1,4] q(0.5;0)
        %b = tanh(%x) : int8[1,4] q(0.0078125;0)
        %y = relu(%b) : int8[1,4] q(0.0078125;0)
        return %y, %b
        """,
    ),
}

REFUSALS = {
    "other attributes, other quantisation, other order of operands": """
        %x = input : int8[1,4] q(0.5;0)
        %z = input : int8[1,4] q(0.25;0)
        %a = leaky_relu(%x) {alpha=0.5} : int8[1,4] q(0.5;0)
        %b = leaky_relu(%x) {alpha=0.25} : int8[1,4] q(0.5;0)
        %c = leaky_relu(%x) {alpha=0.25} : int8[1,4] q(1;0)
        %d = requantize(%x) : int8[1,4] q(0.5;0)
        %e = sub(%x, %z) : int8[1,4] q(1;0)
        %f = sub(%z, %x) : int8[1,4] q(1;0)
        %ab = add(%a, %b) : int8[1,4] q(1;0)
        %cd = add(%c, %d) : int8[1,4] q(1;0)
        %ef = add(%e, %f) : int8[1,4] q(1;0)
        return %ab, %cd, %ef
        """,
    "both are outputs": """
        %x = input : int8[1,4] q(0.5;0)
        %a = tanh(%x) : int8[1,4] q(0.0078125;0)
        %b = tanh(%x) : int8[1,4] q(0.0078125;0)
        return %a, %b
        """,
}
