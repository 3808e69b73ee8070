"""Cases of tokens-as-rows: three tokens of four channels."""

REWRITES = {
    "a sum that broadcasts a reshape of tokens": (
        """
        %x = input : int8[1,3,4] q(0.5;1)
        %z = input : int8[1,3,4] q(0.5;1)
        %a = reshape(%z) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = add(%x, %a) : int8[1,3,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,3,4] q(0.5;1)
        %z = input : int8[1,3,4] q(0.5;1)
        %y = add(%x, %z) : int8[1,3,4] q(1;0)
        return %y
        """,
    ),
    "a dense layer between reshapes": (
        """
        %x = input : int8[1,3,4] q(0.5;1)
        @w = const : int8[3,4] q(0.5;0)
        @b = const : int32[3]
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %c = fully_connected(%a, @w, @b) : int8[3,3] q(20;0)
        %y = reshape(%c) {shape=(1,3,3)} : int8[1,3,3] q(20;0)
        return %y
        """,
        """
        %x = input : int8[1,3,4] q(0.5;1)
        @w = const : int8[3,4] q(0.5;0)
        @b = const : int32[3]
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %a3 = reshape(%a) {shape=(1,3,4)} : int8[1,3,4] q(0.5;1)
        %c = fully_connected(%a3, @w, @b) : int8[1,3,3] q(20;0)
        %c2 = reshape(%c) {shape=(3,3)} : int8[3,3] q(20;0)
        %y = reshape(%c2) {shape=(1,3,3)} : int8[1,3,3] q(20;0)
        return %y
        """,
    ),
    "a sum of sequences [N,1,C]": (
        """
        %x = input : int8[3,1,4] q(0.5;1)
        %z = input : int8[1,3,4] q(0.5;1)
        @c = const : int8[4] q(0.5;0)
        %a = reshape(%z) {shape=(3,1,4)} : int8[3,1,4] q(0.5;1)
        %b = add(%x, %a) : int8[3,1,4] q(1;0)
        %y = mul(%b, @c) : int8[3,1,4] q(8;0)
        return %y
        """,
        """
        %x = input : int8[3,1,4] q(0.5;1)
        %z = input : int8[1,3,4] q(0.5;1)
        @c = const : int8[4] q(0.5;0)
        %a = reshape(%z) {shape=(3,1,4)} : int8[3,1,4] q(0.5;1)
        %x3 = reshape(%x) {shape=(1,3,4)} : int8[1,3,4] q(0.5;1)
        %a3 = reshape(%a) {shape=(1,3,4)} : int8[1,3,4] q(0.5;1)
        %b = add(%x3, %a3) : int8[1,3,4] q(1;0)
        %b2 = reshape(%b) {shape=(3,1,4)} : int8[3,1,4] q(1;0)
        %b3 = reshape(%b2) {shape=(1,3,4)} : int8[1,3,4] q(1;0)
        %c3 = mul(%b3, @c) : int8[1,3,4] q(8;0)
        %y = reshape(%c3) {shape=(3,1,4)} : int8[3,1,4] q(8;0)
        return %y
        """,
    ),
    "positions are a constant": (
        """
        %x = input : int8[1,3,4] q(0.5;1)
        @c = const : int8[3,4] q(0.5;0)
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = add(%a, @c) : int8[3,4] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,3,4] q(0.5;1)
        @c = const : int8[3,4] q(0.5;0)
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %a3 = reshape(%a) {shape=(1,3,4)} : int8[1,3,4] q(0.5;1)
        %c3 = reshape(@c) {shape=(1,3,4)} : int8[1,3,4] q(0.5;0)
        %b = add(%a3, %c3) : int8[1,3,4] q(1;0)
        %y = reshape(%b) {shape=(3,4)} : int8[3,4] q(1;0)
        return %y
        """,
    ),
}

REFUSALS = {
    "a sum that broadcasts tokens to images": """
        %x = input : int8[2,3,4] q(0.5;1)
        %z = input : int8[1,3,4] q(0.5;1)
        %a = reshape(%z) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = add(%x, %a) : int8[2,3,4] q(1;0)
        return %y
        """,
    "no neighbour has tokens": """
        %x = input : int8[3,4] q(0.5;1)
        @w = const : int8[5,4] q(0.5;0)
        %y = fully_connected(%x, @w, none) : int8[3,5] q(20;0)
        return %y
        """,
    "a single token": """
        %x = input : int8[1,1,4] q(0.5;1)
        @w = const : int8[5,4] q(0.5;0)
        %a = reshape(%x) {shape=(1,4)} : int8[1,4] q(0.5;1)
        %y = fully_connected(%a, @w, none) : int8[1,5] q(20;0)
        return %y
        """,
    "rows that are not the tokens": """
        %x = input : int8[1,6,2] q(0.5;1)
        @w = const : int8[5,4] q(0.5;0)
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = fully_connected(%a, @w, none) : int8[3,5] q(20;0)
        return %y
        """,
    "tokens meet each other": """
        %x = input : int8[1,3,4] q(0.5;1)
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = transpose(%a) {perm=(1,0)} : int8[4,3] q(0.5;1)
        return %y
        """,
    "an operand that all tokens share, but no constant": """
        %x = input : int8[1,3,4] q(0.5;1)
        %z = input : int8[1,4] q(0.5;1)
        %a = reshape(%x) {shape=(3,4)} : int8[3,4] q(0.5;1)
        %y = add(%a, %z) : int8[3,4] q(1;0)
        return %y
        """,
}
