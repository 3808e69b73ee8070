"""Colours of the memory picture, for light and for dark screens, and what they stand for."""

from __future__ import annotations

from tinyc.report.memory_map import Kind

# fill for light, fill for dark, what the legend says
KINDS: dict[Kind, tuple[str, str, str]] = {
    "input": ("#57b36a", "#3f9b55", "input"),
    "activation": ("#5b9bd5", "#3d7ab8", "tensor"),
    "line": ("#a07cc5", "#8460ad", "line buffer: some rows of a tensor"),
    "output": ("#f0923e", "#d0741f", "output"),
    "scratch": ("url(#tinyc-hatch)", "url(#tinyc-hatch)", "scratch of a kernel"),
    "state": ("#b9a15a", "#98813c", "state between pushes"),
}
# class: (property, light, dark)
PARTS = {
    ".ground": ("fill", "#ffffff", "#16181d"),
    "text": ("fill", "#1f2328", "#e6e8eb"),
    ".quiet": ("fill", "#656d76", "#9aa3ad"),
    ".grid": ("stroke", "#d8dee4", "#30363d"),
    ".axis": ("stroke", "#8c959f", "#6e7681"),
    ".band": ("fill", "#8250df", "#a37cf0"),
    ".band-name": ("fill", "#6639ba", "#c297ff"),
    ".halo": ("stroke", "#ffffff", "#16181d"),
    ".band-edge": ("stroke", "#8250df", "#a37cf0"),
    ".at-peak": ("fill", "#cf222e", "#ff6b6b"),
    ".peak-edge": ("stroke", "#cf222e", "#ff6b6b"),
    ".live": ("fill", "#8c959f", "#6e7681"),
    ".arena": ("stroke", "#cf222e", "#ff6b6b"),
    ".bound": ("stroke", "#1a7f37", "#4ac26b"),
    ".limit": ("stroke", "#9a6700", "#e3b341"),
    ".box": ("stroke", "#1f2328", "#e6e8eb"),
    ".hatch": ("stroke", "#57606a", "#aab2bb"),
}
FIXED = (
    "text{font-size:11px}.head{font-size:13px;font-weight:600}.small{font-size:10px}.strong{font-weight:600}"
    ".band{fill-opacity:.09}.at-peak.tint{fill-opacity:.13}.box{fill-opacity:.62;stroke-width:.8}"
    ".peak-edge{stroke-dasharray:4 3}.arena,.bound,.limit{stroke-width:1.6}.bound{stroke-dasharray:7 4}"
    ".limit{stroke-dasharray:2 3}.band-edge{stroke-width:2.5}.hatch{stroke-width:1.6}.hit{fill-opacity:0}"
    ".halo{stroke-width:4;paint-order:stroke;stroke-linejoin:round}"
)


def style(root: str) -> str:
    """CSS for everything inside `root` (a selector); prints always use the light colours."""
    light, dark = (_rules(root, which) for which in (0, 1))
    fixed = "".join(f"{root} {rule}}}".replace(",", f",{root} ") for rule in FIXED.split("}") if rule)
    return f"{fixed}{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def _rules(root: str, which: int) -> str:
    kinds = "".join(f"{root} .{kind}{{fill:{KINDS[kind][which]}}}" for kind in KINDS)
    parts = "".join(f"{root} {name}{{{row[0]}:{row[1 + which]}}}" for name, row in PARTS.items())
    return kinds + parts
