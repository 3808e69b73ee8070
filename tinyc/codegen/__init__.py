"""The C backend: one function per operator, weights apart from code, build files, manifest."""

from tinyc.codegen.emit import emit_project
from tinyc.codegen.project import CProject, Port

__all__ = ["CProject", "Port", "emit_project"]
