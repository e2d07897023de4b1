"""Each private step of ultralytics done otherwise here exists there, takes the same, and is met in a seam alone."""

import importlib
import inspect
import pkgutil
from types import CodeType

import pytest

import yolotiny
from yolotiny._compat.detector import SeamedDetector
from yolotiny._compat.model import SeamedModel
from yolotiny._compat.reader import SeamedReader
from yolotiny._compat.seams import seam
from yolotiny._compat.tracker import seamed_tracker
from yolotiny._compat.trainer import SeamedTrainer
from yolotiny._compat.validator import SeamedValidator

SEAMS = [SeamedDetector, SeamedModel, SeamedReader, SeamedTrainer, SeamedValidator]


def tracker_seams():
    from ultralytics.trackers.bot_sort import BOTSORT
    from ultralytics.trackers.byte_tracker import BYTETracker

    return [seamed_tracker(BYTETracker), seamed_tracker(BOTSORT)]


def own(kind, private):
    """Names that a class itself defines, those of one underscore or public ones."""
    names = [n for n in vars(kind) if not n.startswith("__")]
    return [n for n in names if n.startswith("_") is private and callable(getattr(kind, n))]


def test_a_step_that_is_gone_stops_with_a_clear_message():
    class Theirs:
        def _here(self): ...

    @seam("_here")
    class Sound(Theirs):
        def _here(self): ...

    assert issubclass(Sound, Theirs)
    message = r"ultralytics has no Theirs\._gone any more; install ultralytics 8\.4\.190"
    with pytest.raises(RuntimeError, match=message):
        seam("_gone")(type("Calls", (Theirs,), {}))
    with pytest.raises(RuntimeError, match=message):
        seam()(type("Overrides", (Theirs,), {"_gone": lambda self: None}))


@pytest.mark.parametrize("kind", [*SEAMS, *tracker_seams()])
def test_an_overridden_step_takes_what_ultralytics_gives_it(kind):
    for name in own(kind, private=True):
        ours, theirs = (list(inspect.signature(getattr(k, name)).parameters) for k in (kind, kind.__bases__[0]))
        assert ours == theirs, name


@pytest.mark.parametrize("kind", [*SEAMS, *tracker_seams()])
def test_a_public_name_of_a_seam_is_none_that_ultralytics_uses_for_something_else(kind):
    assert [name for name in own(kind, private=False) if hasattr(kind.__bases__[0], name)] == []


def names_in(code):
    """Names with one underscore that a function uses, as attributes or otherwise, within functions of its own too."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    found = {n for n in code.co_names if n.startswith("_") and not n.startswith("__")}
    return found.union(*map(names_in, inner))


def private_of(kind):
    """Names with one underscore that a class defines, or that its methods use."""
    found = {n for n in vars(kind) if n.startswith("_") and not n.startswith("__")}
    for member in vars(kind).values():
        for function in (member, *(getattr(member, k, None) for k in ("__func__", "fget", "__wrapped__"))):
            if isinstance(code := getattr(function, "__code__", None), CodeType):
                found |= names_in(code)
    return found


def descendants(kind):
    for child in type.__subclasses__(kind):
        yield child
        yield from descendants(child)


def test_no_class_outside_shares_a_private_name_with_its_parents_of_ultralytics():
    """Neither overrides nor calls nor, by accident, takes one for itself."""
    from yolotiny.track.nwd import by_nwd

    for module in pkgutil.walk_packages(yolotiny.__path__, "yolotiny."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for kind in tracker_seams():
        by_nwd(kind.__bases__[0])
    seen, shared = set(), {}
    for kind in set(descendants(object)):
        room = str(kind.__module__)
        parents = [p for p in kind.__mro__ if str(p.__module__).startswith("ultralytics.")]
        if not room.startswith("yolotiny.") or room.startswith("yolotiny._compat.") or not parents:
            continue
        seen.add(kind.__name__)
        theirs = set().union(*map(private_of, parents))
        if both := private_of(kind) & theirs:
            shared[f"{room}.{kind.__name__}"] = both
    assert {"Trainer", "Detector", "YOLO", "Validator", "Predictor", "Reader", "BYTETrackerByNWD"} <= seen
    assert shared == {}


def test_the_reader_of_private_names_of_classes_sees_what_a_person_would():
    class Kind:
        _a = 1

        def f(self):
            return [self._b for _ in range(2)]

        @staticmethod
        def g(x):
            x._c = x.shown

        @property
        def h(self):
            return self.__dict__, self._d

    assert private_of(Kind) == {"_a", "_b", "_c", "_d"}
