"""The packer on hard instances: python benchmarks/packing.py [FOLDER] [--seconds S]

FOLDER (default: ../shared/dsa beside the repository) holds CSV files with the columns id, lower, upper, size
(the step `upper` exclusive), such as the challenging ones of google/minimalloc (capacity 1,048,576).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from tinyc.memory import Block, check, max_live, pack

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "dsa"
CAPACITY = 1 << 20


def read(path: Path) -> list[Block]:
    """The blocks of one file, without alignment."""
    with path.open(newline="") as lines:
        rows = csv.DictReader(lines)
        return [Block(r["id"], int(r["size"]), int(r["lower"]), int(r["upper"]) - 1, align=1) for r in rows]


def main() -> int:
    """Print a table: the peak found, the bound, how far apart, and what found it."""
    parser = argparse.ArgumentParser(description="The packer on hard instances.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--seconds", type=float, default=10.0, help="time limit for each file (default: 10)")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.csv"))
    if not files:
        print(f"No CSV files in {options.folder}: name a folder that holds some.", file=sys.stderr)
        return 2
    head = ("blocks", "max-live", "bound", "peak", "gap", "seconds")
    print(f"{'file':<12}" + "".join(f"{title:>10}" for title in head) + "  fits 1 MiB, method")
    for path in files:
        blocks = read(path)
        packing = pack(blocks, time_limit=options.seconds)
        check(blocks, [], packing.offsets)
        gap = "optimal" if packing.optimal else f"{packing.peak / packing.lower_bound - 1:.2%}"
        fits = "yes" if packing.peak <= CAPACITY else "no"
        print(
            f"{path.stem:<12}{len(blocks):>10}{max_live(blocks):>10}{packing.lower_bound:>10}"
            f"{packing.peak:>10}"
            f"{gap:>10}{packing.seconds:>10.2f}  {fits}, {packing.method}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
