"""Reads from the source what docstrings of functions with arrays leave out: shapes, units, errors, and sources."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from functools import cache

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ARRAYS = {"Tensor", "ndarray", "NDArray"}

SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Source|State):\s*(.*)$")
ENTRY = re.compile(r"(?:^|; )\*{0,2}(\w+(?:, \*{0,2}\w+)*): ")
REFERENCE = re.compile(r"\b[Ss]ee `([\w.]+)`")

# (N, 4), (n,), (..., K), (B * A, channels), (B, c, 4 H, 4 W): names, numbers, and sums or products of two.
_TERM = r"`?[A-Za-z0-9_.]+`?"
_SIDE = rf"(?:\.\.\.|{_TERM}(?: ?[*+/-] ?{_TERM}| {_TERM})?)"
TUPLE = re.compile(rf"\((?:\.\.\.|{_SIDE},|{_SIDE}(?:, {_SIDE})+)\)")
SYMBOL = re.compile(r"\.\.\.|\b[A-Za-z]\d?\b|\b\d+\b")  # without one of these it is an aside: (height, width)
COORDINATES = re.compile(r"\b[xy]\b")  # with one of these it names the columns of a row: (label, x, y, w, h)
PHRASE = re.compile(r"\b(?:same shapes?|any shape|scalar)\b")
SHARED = re.compile(r"\b(?:aligned|both|each)\b")  # one shape is said of several parameters

UNIT = re.compile(r"\b(?:pixels?|px|normalised|cells?|strides?|same units?|shares?|units? of|0\.\.1)\b", re.IGNORECASE)
LENGTHS = re.compile(r"^(?:boxes|box|tiles?|regions?|areas?|sizes?|strides|centers|detections)$")
BOXES = re.compile(r"(?<!4), [46]\)$")  # rows of boxes; (c, nc, 4, 4) is a kernel
GRADE = re.compile(r"\b(?:scores?|probabilit(?:y|ies)|logits?|confidences?|0\.\.1)\b")
GRADES = re.compile(r"^(?:scores?|heat|heatmap|conf|confidences?)$")
RANGE = re.compile(r"\b(?:uint8|BGR|RGB|float|features|0\.\.1|0\.\.255)\b")
IMAGES = re.compile(r"^(?:images?|img|im|pictures?|frames?|canvases|made|wanted|ground)$")


@dataclass
class Doc:
    """A docstring taken apart: free text, sections, and the entries of Args and Attributes by name."""

    text: str = ""
    sections: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)

    @property
    def all(self) -> str:
        return "\n".join([self.text, *self.sections.values()])


def read(docstring: str | None) -> Doc:
    """Take a docstring apart."""
    doc, name = Doc(), ""
    for line in inspect.cleandoc(docstring or "").splitlines():
        if match := SECTION.match(line):
            name = match[1]
            doc.sections[name] = match[2]
        elif name and (line.startswith("    ") or not line):
            doc.sections[name] += "\n" + line[4:]
        else:
            name, doc.text = "", f"{doc.text}\n{line}"
    for section in ("Args", "Attributes"):
        names: list[str] = []
        for line in doc.sections.get(section, "").splitlines():
            # "a, b: (N, 4); c: (N,)" -> "", "a, b", "(N, 4)", "c", "(N,)"; a deeper line goes on from the one above
            for i, piece in enumerate([line] if line.startswith(" ") else ENTRY.split(line)):
                if i % 2:
                    names = piece.replace("*", "").split(", ")
                    continue
                for known in names:
                    doc.entries[known] = f"{doc.entries.get(known, '')} {piece.strip()}".strip()
    return doc


def shapes(text: str) -> list[str]:
    """What is said of shapes: tuples such as (N, 4), and words such as "same shape"."""
    tuples = [t for t in TUPLE.findall(text) if t.endswith(",)") or SYMBOL.search(t)]
    return [t for t in tuples if not COORDINATES.search(t)] + PHRASE.findall(text)


def holds_array(annotation: ast.AST | None) -> bool:
    """Whether a type is an array or holds some; a function that takes one is none."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return holds_array(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Callable"):
        return False
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        return (annotation.id if isinstance(annotation, ast.Name) else annotation.attr) in ARRAYS
    return any(holds_array(child) for child in ast.iter_child_nodes(annotation))


def parameters(node: Function) -> dict[str, bool]:
    """Names of the parameters, and whether each is an array."""
    args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg]
    return {a.arg: holds_array(a.annotation) for a in args if a is not None}


@dataclass
class Part:
    """A public function, method or class."""

    name: str
    node: Function | ast.ClassDef

    @property
    def constructors(self) -> list[Function]:
        """What runs when a class is called."""
        return [n for n in self.node.body if isinstance(n, FUNCTIONS) and n.name in ("__init__", "__post_init__")]

    @property
    def arrays(self) -> list[str]:
        """Parameters, and fields of dataclasses and named tuples, that hold arrays."""
        if isinstance(self.node, FUNCTIONS):
            return [name for name, array in parameters(self.node).items() if array]
        fields = [n for n in self.node.body if isinstance(n, ast.AnnAssign) and holds_array(n.annotation)]
        return [ast.unparse(n.target) for n in fields] + [a for n in self.constructors for a in Part("", n).arrays]

    @property
    def others(self) -> set[str]:
        return {n for n, array in parameters(self.node).items() if not array} if not self.is_class else set()

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def returns_array(self) -> bool:
        return not self.is_class and holds_array(self.node.returns)

    @property
    def concerned(self) -> bool:
        """Whether it takes or gives arrays; a class does when a public method does."""
        if self.arrays or self.returns_array:
            return True
        return self.is_class and any(part.concerned for part in methods(self.node))

    @property
    def doc(self) -> Doc:
        texts = [ast.get_docstring(n) or "" for n in [self.node, *(self.constructors if self.is_class else [])]]
        return read("\n\n".join(texts))


def methods(node: ast.ClassDef) -> Iterator[Part]:
    for n in node.body:
        if isinstance(n, FUNCTIONS) and (n.name == "__call__" or not n.name.startswith("_")):
            yield Part(f"{node.name}.{n.name}", n)


def public(tree: ast.Module) -> Iterator[Part]:
    """Functions and classes whose names begin with no underscore, and the public methods of these classes."""
    for node in tree.body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield Part(node.name, node)
            if isinstance(node, ast.ClassDef):
                yield from methods(node)


def split_arrow(text: str) -> tuple[str, str]:
    """`boxes (N, 4) -> (N,). Areas (N,) too` -> what is said of what goes in, and of what comes out."""
    before, _, after = text.partition("->")
    end = re.search(r"[.;](?=\s|$)", after)
    stop = end.start() if end else len(after)
    return before + after[stop:], after[:stop]


def missing_shapes(part: Part, doc: Doc) -> Iterator[str]:
    given, result = split_arrow(doc.text)
    for name in part.others:  # "an input of `size` (h, w)" says nothing of an array
        given = re.sub(rf"`{name}` \([^)]*\)", "", given)
    rest = [name for name in part.arrays if name not in doc.entries]
    found = len(shapes(given))
    if len(rest) > found and not (found and SHARED.search(given)):
        yield f"shape of {', '.join(rest)}"
    yield from (f"shape of {n}" for n in part.arrays if n in doc.entries and not shapes(doc.entries[n]))
    said = doc.sections.get("Returns", "") + doc.sections.get("Yields", "") + result
    if part.returns_array and not shapes(said or ("" if rest else given)):
        yield "shape of what is returned"


def missing_units(part: Part, doc: Doc) -> Iterator[str]:
    lengths = any(map(LENGTHS.match, part.arrays)) or any(map(BOXES.search, shapes(doc.all)))
    if lengths and not UNIT.search(doc.all):
        yield "unit of boxes or lengths"
    if any(map(GRADES.match, part.arrays)) and not GRADE.search(doc.all):
        yield "whether scores, probabilities or logits are meant"
    images = [n for n in part.arrays if IMAGES.match(n) and "index" not in doc.entries.get(n, "")]
    if images and not RANGE.search(doc.all):
        yield "range of the values of pictures"


@cache
def called(node: ast.AST) -> set[str]:
    """Names of the functions and of the own methods that a body calls."""
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    own = {f.attr for f in calls if isinstance(f, ast.Attribute) and getattr(f.value, "id", "") in ("self", "cls")}
    return own | {f.id for f in calls if isinstance(f, ast.Name)}


@cache
def raises_itself(node: ast.AST) -> bool:
    raised = [n.exc for n in ast.walk(node) if isinstance(n, ast.Raise)]
    return any(ast.unparse(r.func if isinstance(r, ast.Call) else r) == "InputError" for r in raised if r is not None)


def raising(tree: ast.Module, imported: dict[str, ast.Module] | None = None) -> set[str]:
    """Names, in a file, of functions that raise InputError: its own, and those it imports from `imported` files."""
    bodies = [n for top in tree.body for n in (top.body if isinstance(top, ast.ClassDef) else [top])]
    own = {n.name for n in bodies if isinstance(n, FUNCTIONS) and raises_itself(n)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (other := (imported or {}).get("." * node.level + (node.module or ""))):
            theirs = {n.name for n in other.body if isinstance(n, FUNCTIONS) and raises_itself(n)}
            own |= {a.asname or a.name for a in node.names if a.name in theirs}
    return own - {"__init__", "__call__"}


def missing(part: Part, helpers: Set[str] = frozenset(), known: Set[str] = frozenset()) -> list[str]:
    """What a docstring leaves out.

    Args:
        part: with a docstring.
        helpers: names of functions that raise InputError.
        known: names of parts, to which others may refer for shapes and units: see `Slicer.find`, or see `Slicer`.
    """
    doc, found = part.doc, []
    owner, _, own = part.name.rpartition(".")
    referred = REFERENCE.findall(doc.all)
    if not known & {form for name in referred for form in (name, f"{name}.{own}", f"{owner}.{name}")}:
        found += [*missing_shapes(part, doc), *missing_units(part, doc)]
    bodies = part.constructors if part.is_class else [part.node]
    if any(raises_itself(n) or called(n) & helpers for n in bodies) and "Raises" not in doc.sections:
        found.append("Raises: InputError")
    return found


def complete(tree: ast.Module) -> set[str]:
    """Names of the parts that say all shapes and units themselves."""
    return {part.name for part in public(tree) if part.concerned and not missing(part)}


def names_source(node: ast.AST) -> bool:
    return "Source:" in (ast.get_docstring(node) or "")


def without_source(tree: ast.Module) -> list[str]:
    """Public functions and classes that name no source, in a file that does not name one for all of them."""
    top = [n for n in tree.body if isinstance(n, (*FUNCTIONS, ast.ClassDef)) and not n.name.startswith("_")]
    return [] if names_source(tree) else [n.name for n in top if not names_source(n)]


class _WrittenOut(ast.NodeTransformer):
    """Puts types in the place of the names that files give to them."""

    def __init__(self, types: dict[str, ast.expr]):
        self.types = types

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.types.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that a file gives to types with arrays: `Parts = dict[str, Tensor]`."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Subscript, ast.BinOp, ast.Attribute))
        if isinstance(node.targets[0], ast.Name) and holds_array(node.value)
    }


def written_out(trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """The trees of a package with such names written out, where a file gives or imports them."""
    everywhere = {name: value for tree in trees.values() for name, value in aliases(tree).items()}
    out = {}
    for file, tree in trees.items():
        imported = {a.name for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
        types = {k: v for k, v in everywhere.items() if k in imported} | aliases(tree)
        out[file] = _WrittenOut(types).visit(tree) if types else tree
    return out


def imported_files(file: str, trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """The files of the package by the dots and names that `file` would import them under: `..errors`."""
    folder = file.split("/")[:-1]
    found = {}
    for node in trees[file].body:
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(folder):
            path = "/".join([*folder[: len(folder) + 1 - node.level], *(node.module or "").split(".")]).rstrip("/")
            for name in (f"{path}.py", f"{path}/__init__.py"):
                if name in trees:
                    found["." * node.level + (node.module or "")] = trees[name]
    return found
