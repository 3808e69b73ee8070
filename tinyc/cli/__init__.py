"""See the package docstring of tinyc."""
