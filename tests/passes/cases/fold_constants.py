"""Cases of fold-constants."""

REWRITES = {
    "a chain of nodes on constants": (
        """
        %x = input : int8[1,4] q(0.5;0)
        @c = const : int8[2,2] q(0.5;1)
        %t = transpose(@c) {perm=(1,0)} : int8[2,2] q(0.5;1)
        %r = reshape(%t) {shape=(1,4)} : int8[1,4] q(0.5;1)
        %y = add(%x, %r) : int8[1,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;0)
        @r = const : int8[1,4] q(0.5;1)
        @t = const : int8[2,2] q(0.5;1)
        @c = const : int8[2,2] q(0.5;1)
        %y = add(%x, @r) : int8[1,4] q(1;0)
        return %y
        """,
    ),
}

REFUSALS = {
    "the caller reads the result": """
        @c = const : int8[4] q(0.5;1)
        %y = relu(@c) : int8[4] q(0.5;1)
        return %y
        """,
    "one operand is no constant": """
        %x = input : int8[1,4] q(0.5;0)
        @c = const : int8[1,4] q(0.5;0)
        %y = add(%x, @c) : int8[1,4] q(1;0)
        return %y
        """,
}
