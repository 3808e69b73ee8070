"""Cases of dead-code."""

REWRITES = {
    "a chain that nobody reads, with its constants": (
        """
        %x = input : int8[1,4] q(0.5;0)
        @w = const : int8[4,4] q(0.1;0)
        @unused = const : int8[3] q(1;0)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        %d = fully_connected(%x, @w, none) : int8[1,4] q(1;0)
        %e = relu(%d) : int8[1,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,4] q(0.5;0)
        %y = tanh(%x) : int8[1,4] q(0.0078125;0)
        return %y
        """,
    ),
}

REFUSALS = {
    "all is read, by a node or by the caller; inputs stay in any case": """
        %x = input : int8[1,4] q(0.5;0)
        %unread = input : int8[1,4] q(0.5;0)
        @c = const : int8[1] q(0.5;0)
        %y = add(%x, @c) : int8[1,4] q(1;0)
        %z = relu(%y) : int8[1,4] q(1;0)
        return %z, %y
        """,
}
