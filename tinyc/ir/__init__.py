"""The graph IR: types, operators' contract, graph, text form, verifier, interpreter, pass infrastructure."""
