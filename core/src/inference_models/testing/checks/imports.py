"""Which modules a file imports, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for each absolute import in a file, also those inside functions.

    `from a import b` yields "a.b", because b may be a module. What only type checkers see is left out.

    Raises:
        SyntaxError: the file is not Python.
    """
    yield from _imports(ast.parse(path.read_text("utf-8"), str(path)))


def _imports(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level == 0 and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
    else:
        unseen = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in node.orelse if unseen and isinstance(node, ast.If) else ast.iter_child_nodes(node):
            yield from _imports(child)
