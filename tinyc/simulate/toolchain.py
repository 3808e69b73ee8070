"""Finding compilers, compiling in parallel, and keeping compiled kernel libraries in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinyc.errors import ToolchainError

PACKAGES = {
    "gcc": "gcc",
    "clang": "clang",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}
SECTIONS = ("-ffunction-sections", "-fdata-sections")
JOBS = min(2, os.cpu_count() or 1)


def tool(name: str) -> str:
    """Where the program `name` is. Raises ToolchainError naming the Debian package where it isn't."""
    found = shutil.which(name)
    if found is None:
        package = PACKAGES.get(name, name)
        raise ToolchainError(f"{name} isn't on the PATH. On Debian or Ubuntu: apt install {package}.")
    return found


@dataclass(frozen=True)
class Compiler:
    """A C compiler with the flags that every file gets (core, optimisation, sanitizers)."""

    name: str
    flags: tuple[str, ...]

    @property
    def archiver(self) -> str:
        """The `ar` that belongs to the compiler."""
        return self.name.removesuffix("gcc") + "ar" if self.name.endswith("-gcc") else "ar"

    def compile(self, source: Path, output: Path, flags: Iterable[str], folder: Path) -> str:
        """Compile one file, paths relative to `folder`; returns the compiler's warnings."""
        return run([tool(self.name), *self.flags, *flags, "-c", str(source), "-o", str(output)], folder)

    def compile_all(self, sources: Sequence[tuple[Path, Path]], flags: Iterable[str], folder: Path) -> str:
        """Compile (source, object) pairs, JOBS at a time; returns all warnings in the order of the sources.
        """
        given = tuple(flags)
        with ThreadPoolExecutor(JOBS) as pool:
            return "".join(pool.map(lambda pair: self.compile(pair[0], pair[1], given, folder), sources))


def run(command: Sequence[str], folder: Path) -> str:
    """Run a build step; returns its words on stderr. Raises ToolchainError with them where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ToolchainError(
            f"{Path(command[0]).name} failed (exit status {done.returncode}):\n{said}\n"
            f"The command was: {' '.join(command)}"
        )
    return done.stderr


def library(
    compiler: Compiler, sources: Sequence[Path], include_dirs: Sequence[Path], flags: Iterable[str]
) -> Path:
    """An archive of the compiled `sources`; built once per content, flags and compiler, then cached.

    All headers below `include_dirs` count as content. Absolute paths don't: a moved copy is still the same.
    """
    given = (*flags, *SECTIONS)
    path = cache_folder() / f"lib{_key(compiler, sources, include_dirs, given)}.a"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            built = _build_library(compiler, sources, (*given, *_includes(include_dirs)), Path(folder))
            # a name of its own and a rename: another process may be building the same library
            handle, draft = tempfile.mkstemp(dir=path.parent)
            os.close(handle)
            shutil.copyfile(built, draft)
            os.replace(draft, path)
    return path


def _build_library(compiler: Compiler, sources: Sequence[Path], flags: Iterable[str], folder: Path) -> Path:
    # numbered, since two folders may hold files of one name
    objects = [folder / f"{number:03}_{source.stem}.o" for number, source in enumerate(sources)]
    compiler.compile_all(list(zip(sources, objects, strict=True)), flags, folder)
    built = folder / "library.a"
    run([tool(compiler.archiver), "rcsD", str(built), *map(str, objects)], folder)
    return built


def _includes(folders: Iterable[Path]) -> list[str]:
    return [f"-I{folder}" for folder in folders]


def _key(
    compiler: Compiler, sources: Sequence[Path], include_dirs: Sequence[Path], flags: Iterable[str]
) -> str:
    digest = hashlib.sha256()
    for text in (_version(tool(compiler.name)), *compiler.flags, *flags):
        digest.update(text.encode() + b"\0")
    headers = [header for folder in include_dirs for header in sorted(folder.rglob("*.h"))]
    for path in (*sources, *headers):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\0".encode() + data)
    return digest.hexdigest()[:32]


@cache
def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout


def cache_folder() -> Path:
    """`tinyc` in the user's cache folder ($XDG_CACHE_HOME or ~/.cache), else in that for temporary files."""
    wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinyc"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / f"tinyc-cache-{os.getuid()}"
    fallback.mkdir(mode=0o700, exist_ok=True)
    return fallback
