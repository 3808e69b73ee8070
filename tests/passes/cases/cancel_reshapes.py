"""Cases of cancel-reshapes."""

REWRITES = {
    "a transpose that undoes another through a reshape": (
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        %a = transpose(%x) {perm=(0,3,1,2)} : int8[1,4,2,3] q(0.5;0)
        %b = reshape(%a) {shape=(1,4,6)} : int8[1,4,6] q(0.5;0)
        %y = transpose(%b) {perm=(0,2,1)} : int8[1,6,4] q(0.5;0)
        return %y
        """,
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        %y = reshape(%x) {shape=(1,6,4)} : int8[1,6,4] q(0.5;0)
        return %y
        """,
    ),
    "a chain of reshapes that ends where it began": (
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %a = relu6(%x) : int8[2,3,4] q(0.5;0)
        %b = reshape(%a) {shape=(6,4)} : int8[6,4] q(0.5;0)
        %c = reshape(%b) {shape=(24,)} : int8[24] q(0.5;0)
        %d = reshape(%c) {shape=(2,3,4)} : int8[2,3,4] q(0.5;0)
        %y = softmax(%d) : int8[2,3,4] q(0.00390625;-128)
        return %y
        """,
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %a = relu6(%x) : int8[2,3,4] q(0.5;0)
        %y = softmax(%a) : int8[2,3,4] q(0.00390625;-128)
        return %y
        """,
    ),
    "a reshape that others read too stays for them": (
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %b = reshape(%x) {shape=(6,4)} : int8[6,4] q(0.5;0)
        %y = reshape(%b) {shape=(24,)} : int8[24] q(0.5;0)
        %z = softmax(%b) : int8[6,4] q(0.00390625;-128)
        return %y, %z
        """,
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %b = reshape(%x) {shape=(6,4)} : int8[6,4] q(0.5;0)
        %y = reshape(%x) {shape=(24,)} : int8[24] q(0.5;0)
        %z = softmax(%b) : int8[6,4] q(0.00390625;-128)
        return %y, %z
        """,
    ),
    "a transpose of axes of length 1": (
        """
        %x = input : int8[1,4,1,3] q(0.5;0)
        %y = transpose(%x) {perm=(0,1,3,2)} : int8[1,4,3,1] q(0.5;0)
        return %y
        """,
        """
        %x = input : int8[1,4,1,3] q(0.5;0)
        %y = reshape(%x) {shape=(1,4,3,1)} : int8[1,4,3,1] q(0.5;0)
        return %y
        """,
    ),
    "two transposes compose": (
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %a = transpose(%x) {perm=(1,0,2)} : int8[3,2,4] q(0.5;0)
        %y = transpose(%a) {perm=(0,2,1)} : int8[3,4,2] q(0.5;0)
        return %y
        """,
        """
        %x = input : int8[2,3,4] q(0.5;0)
        %y = transpose(%x) {perm=(1,2,0)} : int8[3,4,2] q(0.5;0)
        return %y
        """,
    ),
    "transposes around activations cancel": (
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        %a = transpose(%x) {perm=(0,3,1,2)} : int8[1,4,2,3] q(0.5;0)
        %b = relu(%a) : int8[1,4,2,3] q(0.25;0)
        %c = tanh(%b) : int8[1,4,2,3] q(0.0078125;0)
        %y = transpose(%c) {perm=(0,2,3,1)} : int8[1,2,3,4] q(0.0078125;0)
        return %y
        """,
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        %b = relu(%x) : int8[1,2,3,4] q(0.25;0)
        %y = tanh(%b) : int8[1,2,3,4] q(0.0078125;0)
        return %y
        """,
    ),
    "reshapes around a sum with a constant of one element merge": (
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        @c = const : int8[1] q(0.5;0)
        %a = reshape(%x) {shape=(6,4)} : int8[6,4] q(0.5;0)
        %b = add(%a, @c) : int8[6,4] q(1;0)
        %y = reshape(%b) {shape=(24,)} : int8[24] q(1;0)
        return %y
        """,
        """
        %x = input : int8[1,2,3,4] q(0.5;0)
        @c = const : int8[1] q(0.5;0)
        %a = reshape(%x) {shape=(24,)} : int8[24] q(0.5;0)
        %y = add(%a, @c) : int8[24] q(1;0)
        return %y
        """,
    ),
    "a transpose to NCHW before two means": (
        """
        %x = input : int8[1,3,5,2] q(0.5;0)
        %t = transpose(%x) {perm=(0,3,1,2)} : int8[1,2,3,5] q(0.5;0)
        %m = mean(%t) {axes=(3,)} : int8[1,2,3] q(0.25;0)
        %y = mean(%m) {axes=(2,)} : int8[1,2] q(0.25;1)
        return %y
        """,
        """
        %x = input : int8[1,3,5,2] q(0.5;0)
        %m = mean(%x) {axes=(2,)} : int8[1,3,2] q(0.25;0)
        %y = mean(%m) {axes=(1,)} : int8[1,2] q(0.25;1)
        return %y
        """,
    ),
    "a transpose among the axes of a mean": (
        """
        %x = input : int8[1,3,5,2] q(0.5;0)
        %t = transpose(%x) {perm=(0,2,1,3)} : int8[1,5,3,2] q(0.5;0)
        %y = mean(%t) {axes=(1,2), keep_dims=True} : int8[1,1,1,2] q(0.25;0)
        return %y
        """,
        """
        %x = input : int8[1,3,5,2] q(0.5;0)
        %y = mean(%x) {axes=(1,2), keep_dims=True} : int8[1,1,1,2] q(0.25;0)
        return %y
        """,
    ),
    "a transpose of what a mean keeps moves less behind it": (
        """
        %x = input : int8[2,3,5,4] q(0.5;0)
        %t = transpose(%x) {perm=(3,2,1,0)} : int8[4,5,3,2] q(0.5;0)
        %y = mean(%t) {axes=(1,2)} : int8[4,2] q(0.25;0)
        return %y
        """,
        """
        %x = input : int8[2,3,5,4] q(0.5;0)
        %m = mean(%x) {axes=(1,2)} : int8[2,4] q(0.25;0)
        %y = transpose(%m) {perm=(1,0)} : int8[4,2] q(0.25;0)
        return %y
        """,
    ),
    "a transpose of three axes that a mean keeps": (
        """
        %x = input : int8[2,3,4,5] q(0.5;0)
        %t = transpose(%x) {perm=(1,2,3,0)} : int8[3,4,5,2] q(0.5;0)
        %y = mean(%t) {axes=(1,)} : int8[3,5,2] q(0.25;0)
        return %y
        """,
        """
        %x = input : int8[2,3,4,5] q(0.5;0)
        %m = mean(%x) {axes=(2,)} : int8[2,3,5] q(0.25;0)
        %y = transpose(%m) {perm=(1,2,0)} : int8[3,5,2] q(0.25;0)
        return %y
        """,
    ),
    "a transpose before a mean that keeps its axes": (
        """
        %x = input : int8[2,3,4,5] q(0.5;0)
        %t = transpose(%x) {perm=(1,2,3,0)} : int8[3,4,5,2] q(0.5;0)
        %y = mean(%t) {axes=(1,), keep_dims=True} : int8[3,1,5,2] q(0.25;0)
        return %y
        """,
        """
        %x = input : int8[2,3,4,5] q(0.5;0)
        %m = mean(%x) {axes=(2,), keep_dims=True} : int8[2,3,1,5] q(0.25;0)
        %y = transpose(%m) {perm=(1,2,3,0)} : int8[3,1,5,2] q(0.25;0)
        return %y
        """,
    ),
}

REFUSALS = {
    "an input reshaped to its own shape for an output": """
        %x = input : int8[4] q(0.5;0)
        %y = reshape(%x) {shape=(4,)} : int8[4] q(0.5;0)
        return %y
        """,
    "a transpose between a reshape and another": """
        %x = input : int8[2,3,4] q(0.5;0)
        %a = reshape(%x) {shape=(6,4)} : int8[6,4] q(0.5;0)
        %b = transpose(%a) {perm=(1,0)} : int8[4,6] q(0.5;0)
        %y = reshape(%b) {shape=(24,)} : int8[24] q(0.5;0)
        return %y
        """,
    "a function of a row between two transposes": """
        %x = input : int8[2,3] q(0.5;0)
        %a = transpose(%x) {perm=(1,0)} : int8[3,2] q(0.5;0)
        %b = softmax(%a) : int8[3,2] q(0.00390625;-128)
        %y = transpose(%b) {perm=(1,0)} : int8[2,3] q(0.00390625;-128)
        return %y
        """,
    "a sum with a constant per channel between two transposes": """
        %x = input : int8[2,3] q(0.5;0)
        @c = const : int8[2] q(0.5;0)
        %a = transpose(%x) {perm=(1,0)} : int8[3,2] q(0.5;0)
        %b = add(%a, @c) : int8[3,2] q(1;0)
        %y = transpose(%b) {perm=(1,0)} : int8[2,3] q(1;0)
        return %y
        """,
    "an activation that others read between two transposes": """
        %x = input : int8[2,3] q(0.5;0)
        %a = transpose(%x) {perm=(1,0)} : int8[3,2] q(0.5;0)
        %b = relu(%a) : int8[3,2] q(0.25;0)
        %y = transpose(%b) {perm=(1,0)} : int8[2,3] q(0.25;0)
        return %y, %b
        """,
    "a reshape that no other awaits behind an activation": """
        %x = input : int8[2,3] q(0.5;0)
        %b = relu(%x) : int8[2,3] q(0.25;0)
        %y = reshape(%b) {shape=(6,)} : int8[6] q(0.25;0)
        return %y
        """,
    "a transpose before a mean that others read": """
        %x = input : int8[2,3,5] q(0.5;0)
        %t = transpose(%x) {perm=(0,2,1)} : int8[2,5,3] q(0.5;0)
        %y = mean(%t) {axes=(1,)} : int8[2,3] q(0.25;0)
        return %y, %t
        """,
    "a constant whose rank would come through": """
        %x = input : int8[1,2,3,4] q(0.5;0)
        @c = const : int8[1,1,1,1] q(0.5;0)
        %a = reshape(%x) {shape=(1,1,6,4)} : int8[1,1,6,4] q(0.5;0)
        %b = add(%a, @c) : int8[1,1,6,4] q(1;0)
        %y = reshape(%b) {shape=(24,)} : int8[24] q(1;0)
        return %y
        """,
}
