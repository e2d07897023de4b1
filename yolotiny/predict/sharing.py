"""One network for many calls: each has a predictor of its own, and they take turns at the forward."""

from __future__ import annotations

import threading
from typing import Any

import torch
from ultralytics.engine.model import PREDICTOR_SETUP_KEYS
from ultralytics.engine.predictor import BasePredictor

SETTING_UP = threading.Lock()  # threads that call a model for the first time set up one network between them
OF_NETWORK = [k for k in PREDICTOR_SETUP_KEYS if k != "tracker"]  # options that a network is set up with


class Lent:
    """A network as one call sees it.

    Heads keep grids between forwards and engines reuse their buffers, so one forward runs at a time, with the settings
    of the call that it belongs to, and what an engine gives is copied.

    Args:
        network: ultralytics' AutoBackend.
        lock: held during a forward, the same one for all calls.

    Attributes:
        head: settings of a head that chooses boxes itself, put into it before each forward.
    """

    def __init__(self, network: Any, lock: Any = None):
        self.network, self.lock = network, lock or threading.RLock()
        self.head: dict[str, Any] = {}
        self.copies = network.format != "pt"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def __call__(self, im: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """A forward of the network: (B, C, H, W) in 0..1 -> what it gives."""
        with self.lock:
            if self.head:
                self.network.model.set_head_attr(**self.head)
            out = self.network(im, *args, **kwargs)
            return _copy(out) if self.copies else out

    def warmup(self, *args: Any, **kwargs: Any) -> None:
        """ultralytics' first forwards, which nobody reads."""
        with self.lock:
            self.network.warmup(*args, **kwargs)

    def again(self) -> Lent:
        """The same network for another call."""
        return Lent(self.network, self.lock)


def _copy(out: Any) -> Any:
    if isinstance(out, (list, tuple)):
        return [_copy(x) for x in out]
    return out.clone() if isinstance(out, torch.Tensor) else out


def prepare(made: BasePredictor, owner: Any) -> BasePredictor:
    """Give a new predictor its network and results folder, and make it the last one of its model; returns it.

    Args:
        made: a predictor without a network.
        owner: a `YOLO`; the network of its last predictor is shared where it was set up with the same options.
    """
    if not _share(made, owner.predictor):
        with SETTING_UP:
            if not _share(made, owner.predictor):
                made.setup_model(model=owner.model, verbose=False)
                if not isinstance(made.model, Lent):  # a class of the user's own
                    made.model = Lent(made.model)
                owner.predictor = made
    owner.predictor = made
    return made


def _share(made: BasePredictor, before: BasePredictor | None) -> bool:
    """Take over the network of the last call, and its folder if it is to be the same; False if set up otherwise."""
    if before is None or type(made).setup_model is not type(before).setup_model:
        return False
    same = lambda *keys: all(getattr(made.args, k, None) == getattr(before.args, k, None) for k in keys)  # noqa: E731
    if not same(*OF_NETWORK):
        return False
    made.model, made.device, made.done_warmup = before.model.again(), before.device, before.done_warmup
    if same("mode", "project", "name", "save_dir", "exist_ok"):
        made.save_dir = before.save_dir
    return True
