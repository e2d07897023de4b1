"""Tensors that claim to be on another device, and a watch that fails where code would fail, or wait, on a GPU.

No card is needed: a `Remote` tensor wraps an ordinary one of the CPU and says that it lies on `DEVICE`, whose backend
exists in every build of torch and has no kernels (autograd serves it on the calling thread). Inside `Watch` every
operation is looked at before it runs on the data within. A `DeviceFault` names the operation and the line of our code:

- **mixed**: one tensor there and one on the CPU. As on CUDA, a CPU scalar of no dimension may take part in arithmetic,
  and the indices of `x[i]` may come from the CPU; random numbers for there need a generator from there.
- **cuda**: whatever asks for CUDA in so many words: `.cuda()`, `device="cuda"`, `torch.cuda.synchronize()`,
  `torch.autocast("cuda")`.
- **numpy**: an array of a tensor that is there; `.cpu()` has to come first.
- **left**, inside `Watch.step` alone, which is the training step: data goes to the CPU by `.cpu()`, `.to("cpu")` or a
  copy into a CPU tensor. There is no exception.
- **waits**, inside `Watch.step` alone: Python reads values (`.item()`, `.tolist()`, `float(x)`, `if x.any()`), or the
  shape of a result depends on values (`nonzero`, `unique`, a boolean mask as index), or data comes from the CPU
  (`torch.tensor(..., device=...)`). Each makes the processor wait for the card. What cannot do without stands in a list
  of those that are known, with the reason and with how often it may happen in a step; `excess` tells what goes beyond.

The last two are ours alone: they are not told of a library, that is, where the innermost frame that is not torch's is
outside of this repository.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("lazy", 0)
CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[1]
PASSED = re.compile(r"[/\\](torch|torchvision)[/\\]|[/\\]contextlib\.py$|^<")  # files of frames that say nothing
MODULE = {"device_count": lambda: 1, "current_device": lambda: 0, "synchronize": lambda device=None: None}

# Names of operators, by what they do.
READS = {"_local_scalar_dense", "equal", "is_nonzero", "allclose"}
SHAPED = {"nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "bincount", "nms"}
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}
# Those that take no scalar of the CPU.
STRICT = {"cat", "stack", "searchsorted", "bucketize", "gather", "index_select", "scatter", "scatter_add"}


class DeviceFault(AssertionError):
    """What would fail on a GPU, or would make it wait."""


class Remote(torch.Tensor):
    """A tensor that says it lies on `DEVICE`; its values are in `here`, a tensor of the CPU."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> Remote:
        layout = {"strides": here.stride(), "storage_offset": here.storage_offset()}
        with torch.inference_mode(False):  # a view made in inference mode must be an ordinary tensor where its base is
            made = torch.Tensor._make_wrapper_subclass(cls, here.shape, **layout, dtype=here.dtype, device=DEVICE)
        made.here = here
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Remote({self.here!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Remote:
        made = self.detach().clone().requires_grad_(self.requires_grad)
        if getattr(self, "_is_param", False):  # what makes it a parameter to isinstance
            made._is_param = True  # type: ignore[attr-defined]
        return memo.setdefault(id(self), made)

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.dim() == 0 else repr(self), spec)


def each(do: Callable[[Any], Any], x: Any) -> Any:
    """`do` to everything in nested lists, tuples and dicts."""
    if isinstance(x, (list, tuple)):
        return type(x)([each(do, y) for y in x])
    return {k: each(do, y) for k, y in x.items()} if isinstance(x, dict) else do(x)


def tensors_in(*trees: Any) -> list[torch.Tensor]:
    """The tensors in nested lists, tuples and dicts, in order."""
    found: list[torch.Tensor] = []
    each(lambda x: found.append(x) if isinstance(x, torch.Tensor) else None, trees)
    return found


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operator on the data within; what it gives is on the device it names, else where its tensors are."""
    there = goes_there(args, kwargs)
    on_cpu = {k: CPU if k == "device" and v is not None else v for k, v in kwargs.items() if k != "pin_memory"}
    args_, kwargs_ = each(lambda x: x.here if isinstance(x, Remote) else x, (args, on_cpu))
    out = func(*args_, **kwargs_)
    if func._schema.is_mutable and func._schema.returns and (written := _written(func, args, kwargs)) is not None:
        assert not isinstance(written, Remote) or written.shape == written.here.shape, f"{func} reshapes in place"
        return written
    return each(lambda x: Remote(x) if there and isinstance(x, torch.Tensor) else x, out)


def goes_there(args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether what an operator gives is on `DEVICE`."""
    if (device := kwargs.get("device")) is not None:
        return torch.device(device).type == DEVICE.type
    return any(isinstance(x, Remote) for x in tensors_in(args, kwargs))


def _written(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The argument that an operator in place (or with `out=`) writes to and returns."""
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            return kwargs.get(argument.name, args[i] if i < len(args) else None)
    return None


class Watch:
    """Judges every operation in its `with` block, see the module.

    Attributes:
        waits: how often our code waited in one step, the most of those so far: (file, function, operation) -> count.
        lines: where that was last: the same -> "file:line function".
        stepping: whether this is a training step.
    """

    def __init__(self) -> None:
        self.waits: Counter[tuple[str, str, str]] = Counter()
        self.lines: dict[tuple[str, str, str], str] = {}
        self.stepping = False
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Watch:
        init = torch.amp.autocast_mode.autocast.__init__
        self._held.enter_context(mock.patch.object(torch.cuda, "_lazy_init", _asks_for_cuda))
        self._held.enter_context(mock.patch.object(torch.amp.autocast_mode.autocast, "__init__", _autocast(init)))
        self._held.enter_context(mock.patch.object(torch, DEVICE.type, SimpleNamespace(**MODULE), create=True))
        self._held.enter_context(Calls(self))
        self._held.enter_context(Operators(self))
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.close()

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """What happens in here is a training step."""
        earlier, self.waits, self.stepping = self.waits, Counter(), True
        try:
            yield
        finally:
            self.waits, self.stepping = self.waits | earlier, False

    def excess(self, known: Mapping[tuple[str, str, str], tuple[int, str]]) -> list[str]:
        """What waited more often than is known of, a line each."""
        out = []
        for key, count in self.waits.items():
            limit, reason = known.get(key, (0, "unknown"))
            if count > limit:
                out.append(f"{key[2]} makes the step wait {count} times, not {limit} ({reason}): {self.lines[key]}")
        return out

    def wait(self, name: str) -> None:
        """Count a wait in a step."""
        frame = _innermost()
        if not self.stepping or frame is None or _ours(frame) is None:
            return
        key = (_ours(frame) or "", frame.f_code.co_name, name)
        self.waits[key] += 1
        self.lines[key] = place()


class Operators(TorchDispatchMode):
    """What torch computes, operator by operator."""

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # inference mode hands these over whole
                return func.decompose(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        tensors = tensors_in(args, kwargs)
        there = goes_there(args, kwargs)
        if (device := kwargs.get("device")) is not None and torch.device(device).type not in {DEVICE.type, "cpu"}:
            raise DeviceFault(f"cuda: {name} with device={str(device)!r} at {place()}")
        if there and (generator := kwargs.get("generator")) is not None and generator.device.type == "cpu":
            raise DeviceFault(f"mixed: {name} there with a generator of the CPU at {place()}")
        if name in {"_to_copy", "copy_"}:
            self._copied(name, tensors, there)
        elif any(isinstance(x, Remote) for x in tensors):
            self._together(name, args, tensors)
            self._shaped(name, args, kwargs)
        return run(func, args, kwargs)

    def _copied(self, name: str, tensors: list[torch.Tensor], there: bool) -> None:
        """A copy that may cross over: `_to_copy(x, device=)` or `copy_(to, x)`."""
        source, target = isinstance(tensors[-1], Remote), there
        if name == "copy_":
            target = isinstance(tensors[0], Remote)
        if source and not target and self.watch.stepping and _ours(_innermost()) is not None:
            raise DeviceFault(f"left: a copy of {tuple(tensors[-1].shape)} values goes to the CPU at {place()}")
        if target and not source:
            self.watch.wait("from_cpu")

    def _together(self, name: str, args: Any, tensors: list[torch.Tensor]) -> None:
        """Tensors of both devices in one operator: CUDA takes a scalar of the CPU as an operand, not as a target."""
        spared = [x for x in args[1] if x is not None] if name in INDEXED and len(args) > 1 else []
        here = [x for x in tensors if not isinstance(x, Remote)]
        for x in here:
            if any(x is index for index in spared):
                self.watch.wait("from_cpu")
            elif x.dim() or name in STRICT or (name.endswith("_") and x is tensors[0]):
                raise DeviceFault(f"mixed: {name} of tensors there and one of shape {tuple(x.shape)} here at {place()}")

    def _shaped(self, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        """Operators that have to know values."""
        if name in READS:
            self.watch.wait("item")
        elif name in SHAPED or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            self.watch.wait(name.strip("_"))
        elif name in INDEXED and any(x is not None and x.dtype in {torch.bool, torch.uint8} for x in args[1]):
            fills = len(args) > 2 and args[2].numel() == 1 and not args[3:4] == (True,)  # done by masked_fill
            if not fills:
                self.watch.wait("mask")


class Calls(TorchFunctionMode):
    """What has to be seen before it reaches operators, and what torch has no operators for."""

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if func is torch.Tensor.cuda:
            raise DeviceFault(f"cuda: .cuda() at {place()}")
        if func in {torch.tensor, torch.as_tensor, torch.asarray} and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            made = first if isinstance(first, torch.Tensor) else func(*args, **kwargs)
            return made.to(device, kwargs.get("dtype") or made.dtype)
        if not isinstance(first, Remote):
            return func(*args, **kwargs)
        if func in {torch.Tensor.numpy, torch.Tensor.__array__}:
            raise DeviceFault(f"numpy: an array of a tensor that is there at {place()}")
        if func is torch.Tensor.tolist:
            self.watch.wait("tolist")
            return first.here.tolist()
        if func in {torch.Tensor.__getitem__, torch.Tensor.__setitem__}:
            args = (first, _as_index(args[1]), *args[2:])
        if func is torch.Tensor.new_tensor:
            kwargs = {"dtype": first.dtype, "device": first.device} | kwargs
            return torch.tensor(args[1], dtype=kwargs["dtype"]).to(kwargs["device"])
        out = func(*args, **kwargs)
        if func == torch.Tensor.data.__set__:  # type: ignore[attr-defined]
            first.here = args[1].here
        return out


def _as_index(x: Any) -> Any:
    """What stands in brackets, lists of places as the tensors that torch makes of them."""
    if isinstance(x, tuple):
        return tuple(map(_as_index, x))
    return torch.tensor(x).to(DEVICE) if isinstance(x, list) and x else x


def _asks_for_cuda(*args: Any, **kwargs: Any) -> None:
    raise DeviceFault(f"cuda: a call that needs a CUDA card at {place()}")


def _autocast(init: Callable) -> Callable:
    """`torch.autocast` that knows `DEVICE`, where nothing is cast, and no CUDA."""

    def wrapped(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        if device_type == "cuda":
            raise DeviceFault(f"cuda: torch.autocast('cuda') at {place()}")
        if device_type == DEVICE.type:
            init(self, "cpu", enabled=False)
        else:
            init(self, device_type, *args, **kwargs)

    return wrapped


def _innermost() -> Any:
    """The innermost frame that is neither torch's nor of this file."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_filename != __file__ and not PASSED.search(code.co_filename) and not code.co_name.startswith("<"):
            return frame
        frame = frame.f_back
    return None


def _ours(frame: Any) -> str | None:
    """The file of a frame from the root of the repository, None for one of a library."""
    file = Path(frame.f_code.co_filename) if frame is not None else ROOT
    for room in ("yolotiny", "tests"):
        if file.is_relative_to(ROOT / room):
            return file.relative_to(ROOT).as_posix()
    return None


def place() -> str:
    """Where we are: the innermost line of our code, and that of the library that it called, if it did."""
    inner = frame = _innermost()
    while frame is not None and _ours(frame) is None:
        frame = frame.f_back
    said = f"{_ours(frame)}:{frame.f_lineno} {frame.f_code.co_name}" if frame is not None else "no line of ours"
    if inner is not None and inner is not frame:
        said += f" (in {'/'.join(Path(inner.f_code.co_filename).parts[-3:])}:{inner.f_lineno})"
    return said
