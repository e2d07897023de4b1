"""What docstrings of functions with arrays have to say: shapes, units, errors, and the source of a paper's formula."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docstrings import complete, imported_files, missing, public, raising, without_source, written_out

ROOT = Path(__file__).parents[1]
PAPERS = (
    "yolotiny/assigners/",
    "yolotiny/boxes.py",
    "yolotiny/coders/",
    "yolotiny/criterion/center.py",
    "yolotiny/criterion/dense.py",
    "yolotiny/losses/",
    "yolotiny/metrics/coco_eval.py",
    "yolotiny/metrics/matching.py",
    "yolotiny/metrics/olrp.py",
    "yolotiny/metrics/verdicts.py",
    "yolotiny/metrics/visdrone.py",
    "yolotiny/nn/",
    "yolotiny/ops/gaussian.py",
    "yolotiny/ops/nms.py",
    "yolotiny/slicing/rescore.py",
    "yolotiny/slicing/slicers/grid.py",
    "yolotiny/slicing/slicers/lsm.py",
    "yolotiny/track/nwd.py",
)
GEOMETRY = "no paper's: what everybody means by the word"
PLUMBING = "no formula: it puts parts together"
OWN = "our own; its docstring says what it rests on"
NO_SOURCE = {
    "yolotiny/assigners/gaussian_center.py::HeatmapAssigner": PLUMBING,
    "yolotiny/assigners/geometric.py::Geometric": PLUMBING,
    "yolotiny/assigners/geometric.py::pairs_of": PLUMBING,
    "yolotiny/coders/base.py::Coder": PLUMBING,
    "yolotiny/criterion/dense.py::of_last_pairs": PLUMBING,
    "yolotiny/nn/head.py::family_of": PLUMBING,
    "yolotiny/assigners/ignore.py::ignored_priors": OWN,
    "yolotiny/assigners/metric.py::Metric": PLUMBING,
    "yolotiny/assigners/nearby.py::nearby_priors": OWN,
    "yolotiny/boxes.py::area": GEOMETRY,
    "yolotiny/boxes.py::iou": GEOMETRY,
    "yolotiny/boxes.py::pairwise_iof": GEOMETRY,
    "yolotiny/boxes.py::pairwise_iou": GEOMETRY,
    "yolotiny/boxes.py::xywh2xyxy": GEOMETRY,
    "yolotiny/boxes.py::xyxy2xywh": GEOMETRY,
    "yolotiny/criterion/center.py::not_ignored": PLUMBING,
    "yolotiny/criterion/dense.py::of_pairs": PLUMBING,
    "yolotiny/criterion/dense.py::pairs_of_levels": PLUMBING,
    "yolotiny/losses/box.py::IoULoss": GEOMETRY,
    "yolotiny/losses/box.py::SimilarityLoss": PLUMBING,
    "yolotiny/losses/box.py::reshaped": PLUMBING,
    "yolotiny/nn/anchor_head.py::read": PLUMBING,
    "yolotiny/nn/center_head.py::logit": GEOMETRY,
    "yolotiny/coders/base.py::four": PLUMBING,
    "yolotiny/nn/head.py::DenseDetect": PLUMBING,
    "yolotiny/nn/levels.py::by_prior": PLUMBING,
    "yolotiny/nn/levels.py::check_order": PLUMBING,
    "yolotiny/nn/levels.py::laterals": PLUMBING,
    "yolotiny/nn/rcnn_head.py::priors_of": PLUMBING,
    "yolotiny/nn/rcnn_head.py::sharper": PLUMBING,
    "yolotiny/nn/retina_head.py::TowerDetect": PLUMBING,
    "yolotiny/nn/head.py::statistics_kept": PLUMBING,
    "yolotiny/nn/padding.py::padding": OWN,
    "yolotiny/nn/timm_features.py::FixedNorm": PLUMBING,
    "yolotiny/nn/timm_features.py::TimmFeatures": PLUMBING,
    "yolotiny/nn/timm_features.py::local_weights": PLUMBING,
    "yolotiny/nn/timm_features.py::shipped_models": PLUMBING,
    "yolotiny/nn/timm_features.py::tensors_follow": PLUMBING,
    "yolotiny/ops/nms.py::batched_nms": GEOMETRY,
    "yolotiny/ops/nms.py::close_pairs": OWN,
    "yolotiny/ops/nms.py::greedy": OWN,
    "yolotiny/ops/nms.py::Suppression": PLUMBING,
    "yolotiny/nn/head.py::reorder_classes": PLUMBING,
    "yolotiny/slicing/slicers/grid.py::Grid": PLUMBING,
    "yolotiny/track/nwd.py::by_nwd": PLUMBING,
}


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    files = sorted((ROOT / "yolotiny").rglob("*.py"))
    return written_out({f.relative_to(ROOT).as_posix(): ast.parse(f.read_text(encoding="utf-8")) for f in files})


def test_functions_with_arrays_say_shapes_units_and_errors(trees):
    known = set().union(*(complete(tree) for tree in trees.values()))
    found = []
    for file, tree in trees.items():
        helpers = raising(tree, imported_files(file, trees))
        for part in public(tree):
            if part.concerned and (absent := missing(part, helpers, known)):
                found.append(f"{file}:{part.node.lineno} {part.name}: {'; '.join(absent)}")
    assert found == []


def test_formulas_of_papers_name_their_source(trees):
    papers = {file: tree for file, tree in trees.items() if file.startswith(PAPERS)}
    found = {f"{file}::{name}" for file, tree in papers.items() for name in without_source(tree)}
    assert found - NO_SOURCE.keys() == set(), "write `Source:`, or say in NO_SOURCE why there is none"
    assert NO_SOURCE.keys() - found == set(), "an exception nobody needs any more"


ARGS = '''"""Do.

    Args:
        {}
    Returns:
        {}
    """'''


@pytest.mark.parametrize(
    ("signature", "docstring", "found"),
    [
        # shapes
        ("a: Tensor, b: Tensor) -> Tensor", '"""IoU of aligned boxes, (N, 4) xyxy pixels -> (N,)."""', []),
        ("a: Tensor, b: Tensor) -> Tensor", '"""(G, 4) x (N, 4) xyxy pixels -> (G, N)."""', []),
        ("a: Tensor, b: Tensor) -> Tensor", '"""Boxes (N, 4), pixels -> (N,)."""', ["shape of a, b"]),
        ("a: Tensor) -> Tensor", '"""Turn a round."""', ["shape of a", "shape of what is returned"]),
        ("a: Tensor) -> Tensor", '"""(..., K) -> the sum."""', ["shape of what is returned"]),
        ("a: Tensor) -> Tensor", '"""(B, C, 4 H, W/s) -> same shape."""', []),
        ("a: Tensor) -> float", '"""The mean of a vector (height, width)."""', ["shape of a"]),
        ("a: Tensor) -> float", '"""The mean of rows (label, x, y, w, h)."""', ["shape of a"]),
        ("a: Tensor, room: tuple) -> None", '"""Fill an input of `room` (h, w)."""', ["shape of a"]),
        ("a: Tensor, b: Tensor) -> Tensor", ARGS.format("a, b: (N, 2).", "(N,)"), []),
        ("a: Tensor, b: Tensor) -> Tensor", ARGS.format("a: (N, 2); b: (N,) of each.", "(N,)"), []),
        ("a: Tensor, b: Tensor) -> Tensor", ARGS.format("a: (N, 2); b: of each.", "(N,)"), ["shape of b"]),
        ("a: Tensor) -> Tensor", ARGS.format("a: goes on\n            below, (N, 2).", "(N,)"), []),
        ("a: Tensor) -> Tensor", ARGS.format("a: (N, 2).", "what is left."), ["shape of what is returned"]),
        ("a: list[np.ndarray]) -> None", '"""Nothing."""', ["shape of a"]),
        ("a: np.ndarray | None = None) -> None", '"""Nothing."""', ["shape of a"]),
        ("*a: 'Tensor') -> None", '"""Nothing."""', ["shape of a"]),
        ("a: Callable[[Tensor], None]) -> None", '"""Nothing."""', []),
        (") -> tuple[Tensor, ...]", '"""Maps (B, c, H, W)."""', []),
        (") -> Tensor", '"""What there is."""', ["shape of what is returned"]),
        (") -> Tensor", "", ["shape of what is returned"]),
        # units
        ("a: Tensor) -> None", '"""Boxes (N, 4)."""', ["unit of boxes or lengths"]),
        ("a: Tensor) -> None", '"""Boxes (N, 4) as shares of the picture."""', []),
        ("a: Tensor) -> None", '"""A kernel (c, nc, 4, 4)."""', []),
        ("areas: Tensor) -> None", '"""Of each (N,)."""', ["unit of boxes or lengths"]),
        ("heat: Tensor) -> None", '"""Maps (B, C, H, W)."""', ["whether scores, probabilities or logits are meant"]),
        ("image: Tensor) -> None", '"""A picture (3, H, W)."""', ["range of the values of pictures"]),
        ("image: Tensor) -> None", '"""A picture (3, H, W) in 0..1."""', []),
        ("image: Tensor) -> None", ARGS.format("image: (N,) index into the batch.", "nothing."), []),
    ],
)
def test_the_reader_of_docstrings_sees_what_a_person_would(signature, docstring, found):
    (part,) = public(ast.parse(f"def f({signature}:\n    {docstring or 'pass'}\n"))
    assert missing(part) == found


def faults(code: str, **files: str) -> dict[str, list[str]]:
    """What each part of a file leaves out, beside further files of its package."""
    trees = {f"p/{name}.py": ast.parse(text) for name, text in {"this": code, **files}.items()}
    trees = written_out(trees)
    tree = trees["p/this.py"]
    helpers, known = raising(tree, imported_files("p/this.py", trees)), complete(tree)
    return {p.name: absent for p in public(tree) if p.concerned and (absent := missing(p, helpers, known))}


SHAPES = '"""(N,) -> (N,)."""'
RAISES = '"""(N,) -> (N,).\n\n    Raises:\n        InputError: a bad one.\n    """'


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("body", "rest"),
    [
        ("raise InputError('x')", ""),
        ("_check(a)", "def _check(a):\n    raise InputError('x')"),
        ("number(a)", "from .errors import number"),
    ],
)
def test_an_error_that_a_function_or_its_helper_raises_has_to_be_said(body, rest, said):
    errors = "def number(a):\n    raise InputError('x')"
    code = f"{rest}\ndef f(a: Tensor) -> Tensor:\n    {RAISES if said else SHAPES}\n    {body}\n"
    assert faults(code, errors=errors) == ({} if said else {"f": ["Raises: InputError"]})


def test_the_errors_of_a_constructor_belong_to_the_class():
    code = f"""
class Loss:
    {{}}
    def __init__(self, weight):
        raise InputError("x")
    def __call__(self, a: Tensor) -> Tensor:
        {SHAPES}
"""
    assert faults(code.format('"""A loss."""')) == {"Loss": ["Raises: InputError"]}
    assert faults(code.format(RAISES)) == {}


def test_fields_of_a_dataclass_have_shapes():
    code = 'class Rows:\n    """Rows.\n\n    Attributes:\n        a: {}\n    """\n    a: np.ndarray\n    b: int = 0\n'
    assert faults(code.format("(N, 2) x and y, cells.")) == {}
    assert faults(code.format("x and y, cells.")) == {"Rows": ["shape of a"]}


def test_one_may_refer_to_a_docstring_that_says_it_but_not_to_one_that_does_not():
    code = """
class Base:
    '''A base.'''
    def find(self, a: Tensor) -> Tensor:
        '''{}'''
class Child(Base):
    '''A child.'''
    def find(self, a: Tensor) -> Tensor:
        '''All of it; see `Base.find`.'''
    def other(self, a: Tensor) -> Tensor:
        '''See `nobody`.'''
"""
    lost = ["shape of a", "shape of what is returned"]
    assert faults(code.format("(N,) -> (N,).")) == {"Child.other": lost}
    assert faults(code.format("Finds.")) == {"Base.find": lost, "Child.find": lost, "Child.other": lost}


def test_what_is_private_or_has_no_array_is_left_alone():
    code = """
def _f(a: Tensor) -> Tensor: pass
def g(a: int) -> str: raise InputError("x")
class _C:
    def f(self, a: Tensor): pass
class D:
    def _f(self, a: Tensor): pass
"""
    assert faults(code) == {}


def test_a_name_for_a_type_with_arrays_is_seen_through_where_it_is_imported():
    parts = "Parts = dict[str, Tensor]"
    assert faults("from .other import Parts\ndef f(a: Parts): pass", other=parts) == {"f": ["shape of a"]}
    assert faults("Parts = int\ndef f(a: Parts): pass", other=parts) == {}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('def f():\n    """Do. Source: Doe 2020, Eq. 1."""', []),
        ('def f():\n    """Do, as Doe 2020 does."""', ["f"]),
        ('"""Of a paper.\n\nSource: Doe 2020.\n"""\ndef f(): pass\nclass C: pass', []),
        ("def _f(): pass\nclass C:\n    def f(self): pass", ["C"]),
    ],
)
def test_the_reader_of_sources_sees_what_a_person_would(code, names):
    assert without_source(ast.parse(code)) == names


def test_exceptions_give_a_reason():
    assert all(len(reason) > 10 for reason in NO_SOURCE.values())
