"""The layers of a model YAML as a flat list in build order, every reference resolved to the key of an earlier row.

A row of `backbone` or `head` is `[from, repeats, module, args]`, optionally followed by a name (or a list of names, one
for each output) and by a mapping of keyword arguments; a mapping may also stand in place of `args`. Rows keep the keys
"0", "1", ... whatever is inserted between them, so the pretrained weights of a base model still find their places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError, did_you_mean, whole

MOST = 1_000  # rows of a model
ITEM = ("name", "after", "module", "from", "repeats", "args", "takes")  # what an insert says besides layer arguments


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
        key: its name among the model's children: "0".."24", or the name of an insert.
        source: what it reads: "image", a key, or "key.2" for one output of a layer that gives a list; a tuple of them
            where `from` is a list.
        repeats: how often the layer is repeated, before depth scaling.
        module, args, kwargs: the class name and its arguments as written.
        name: the name given in the YAML; a tuple where each output has its own.
        takes: what an insert takes over: later readers of these keys read the insert instead.
    """

    key: str
    source: str | tuple[str, ...]
    repeats: int
    module: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    name: str | tuple[str, ...] | None = None
    takes: tuple[str, ...] = ()


def rows(cfg: dict[str, Any], reserved: Collection[str] = ()) -> list[Row]:
    """Return the layers of a loaded configuration in build order.

    Args:
        cfg: what `config.load` returned.
        reserved: words that may not name a layer.

    Raises:
        InputError: a malformed row, a name given twice, a reference to nothing or to a later row, an insert that takes
            over what no later layer reads.
    """
    assert "base" not in cfg and "replace" not in cfg, "rows() takes what config.load() returned"
    file = cfg.get("yaml_file", "the configuration")
    items = [_base(file, i, row) for i, row in enumerate(_listed(cfg, "backbone", file) + _listed(cfg, "head", file))]
    if not items:
        raise InputError(f"{file} has no layers: it needs a backbone and a head, or a base")
    if len(items) + len(_listed(cfg, "insert", file)) > MOST:
        raise InputError(f"{file} has more than {MOST:,} rows; no model has a hundred")
    inserts = [_insert(file, item) for item in _listed(cfg, "insert", file)]
    graph = _References(file, items, inserts, reserved)
    made = [graph.row(item, here) for item, here in _in_order(items, inserts, graph)]
    _check_taken(file, made, graph)
    return made


def _leading(made: list[Row]) -> set[str]:
    """Return the keys of the layers that the last one, the head, is made from."""
    found = {made[-1].key}
    for row in reversed(made):
        if row.key in found:
            found.update(source.split(".")[0] for source in _sources(row))
    return found


def _sources(row: Row) -> tuple[str, ...]:
    return row.source if isinstance(row.source, tuple) else (row.source,)


def _check_taken(file: str, made: list[Row], graph: _References) -> None:
    """Raise InputError for an insert that would change nothing, because nobody reads any more what it takes over."""
    live = _leading(made)
    passed = {(insert, taken) for reader, insert, taken in graph.passed if reader in live}
    for i, row in enumerate(made):
        for key in row.takes:
            if (row.key, key) in passed:
                continue
            before = {earlier.key for earlier in made[:i]}
            left = [taken for insert, taken in sorted(passed) if insert == row.key]
            left += [s for later in made[i + 1 :] if later.key in live for s in _sources(later)]
            left = list(dict.fromkeys(graph.called(s) for s in left if s.split(".")[0] in before))
            raise InputError(
                f"{file}, insert {row.key!r} takes over {graph.called(key)!r}, which no layer behind it reads on the "
                f"way to the head, so it would change nothing; they read: {', '.join(left) or 'nothing'}"
            )


def layer_names(cfg: dict[str, Any]) -> list[str]:
    """Return the names that rows and inserts of `cfg` carry (not the names of single outputs)."""
    named = [row[4] for row in _base_rows(cfg) if len(row) > 4] + [item.get("name") for item in _inserts(cfg)]
    return [n for n in named if isinstance(n, str)]


def change_layer(cfg: dict[str, Any], change: dict[str, Any], file: str) -> None:
    """Change one row or insert of `cfg` in place.

    Args:
        cfg: a merged configuration.
        change: `name` (a name, or the number of a row) and what becomes of it: `module`, `args`, `repeats`, `from`, or
            keyword arguments of the layer. What is not given stays; a keyword argument of None is taken out.
        file: for messages.
    """
    if not isinstance(change, dict) or "name" not in change:
        raise InputError(f"replace in {file} needs mappings with a name, not {change!r}")
    change = dict(change)
    name = str(change.pop("name", ""))
    for item in _inserts(cfg):
        if item.get("name") == name:
            kept = {k: v for k, v in item.items() if k not in change}
            item.clear()
            item.update(kept | {k: v for k, v in change.items() if v is not None})
            return
    row = next((r for i, r in enumerate(_base_rows(cfg)) if name == str(i) or (len(r) > 4 and r[4] == name)), None)
    if row is None:
        raise InputError(f"replace in {file} names no layer {name!r}{did_you_mean(name, layer_names(cfg))}")
    for word in ("after", "takes"):
        if word in change:
            raise InputError(f"{file}: layer {name!r} is not an insert and has no {word!r}")
    _base(file, name, row)  # a row that cannot be read cannot be changed
    for place, word in enumerate(("from", "repeats", "module", "args")):
        if word in change:
            row[place] = change.pop(word)
            if word == "args" and isinstance(row[3], dict):
                row[5:] = []
    if change:
        row.extend([None, {}][len(row) - 4 :])
        row[5] = {k: v for k, v in (row[5] | change).items() if v is not None}
        if isinstance(row[3], dict):
            row[3] = {k: v for k, v in row[3].items() if k not in change}


def _base_rows(cfg: dict[str, Any]) -> list[list[Any]]:
    """Return the rows of backbone and head, without the malformed ones, which `rows` reports."""
    listed = [cfg.get(part) for part in ("backbone", "head")]
    return [row if isinstance(row, list) else [] for part in listed if isinstance(part, list) for row in part]


def _inserts(cfg: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the inserts, without the malformed ones, which `rows` reports."""
    listed = cfg.get("insert")
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


@dataclass
class _Item:
    """A layer as written, before its references are resolved."""

    key: str
    where: str
    reads: Any
    repeats: Any
    module: Any
    args: Any
    kwargs: dict[str, Any]
    name: Any
    after: Any = None
    takes: Any = ()

    def __post_init__(self) -> None:
        """Check the types, and move a mapping given as `args` to the keyword arguments."""
        if not isinstance(self.module, str):
            raise InputError(f"{self.where}: the module must be a class name, not {self.module!r}")
        whole(self.repeats, f"{self.where}: repeats", 1)
        if isinstance(self.args, dict):
            self.args, self.kwargs = [], self.args | self.kwargs
        if not isinstance(self.args, list):
            raise InputError(f"{self.where}: the arguments must be a list or a mapping, not {self.args!r}")


def _listed(cfg: dict[str, Any], part: str, file: str) -> list[Any]:
    value = cfg.get(part, [])
    if not isinstance(value, list):
        raise InputError(f"{part} in {file} must be a list, not {value!r}")
    return value


def _base(file: str, key: int | str, row: Any) -> _Item:
    """Read one row of backbone or head."""
    if not isinstance(row, list) or not 4 <= len(row) <= 6:
        raise InputError(f"{file}, row {key} must be [from, repeats, module, args] and perhaps a name, not {row!r}")
    reads, repeats, module, args, name, kwargs = row + [None, {}][len(row) - 4 :]
    where = f"{file}, row {key} ({module})"
    if not isinstance(kwargs, dict):
        raise InputError(f"{where}: the sixth item must be a mapping of arguments, not {kwargs!r}")
    return _Item(str(key), where, reads, repeats, module, args, kwargs, name)


def _insert(file: str, item: Any) -> _Item:
    """Read one item of insert."""
    for word in ("name", "after", "module"):
        if not isinstance(item, dict) or item.get(word) is None:
            raise InputError(f"{file}: an insert needs name, after and module; {item!r} has no {word!r}")
    name, after = item["name"], item["after"]
    kwargs = {k: v for k, v in item.items() if k not in ITEM}
    reads, args = item.get("from", after), item.get("args", [])
    takes = item.get("takes", after if isinstance(after, list) else [after])
    where = f"{file}, insert {name!r}"
    if not isinstance(takes, list):
        raise InputError(f"{where}: takes must be a list, not {takes!r}")
    return _Item(str(name), where, reads, item.get("repeats", 1), item["module"], args, kwargs, name, after, takes)


def _in_order(items: list[_Item], inserts: list[_Item], graph: _References) -> Iterator[tuple[_Item, int]]:
    """Yield each layer with the row number that its negative references count from."""
    last = {"image": -1} | {item.key: i for i, item in enumerate(items)}
    for new in inserts:
        keys = [graph.owner(ref) for ref in graph.followed(new)]
        if missing := [k for k in keys if k not in last]:
            raise InputError(f"{new.where} comes after {missing[0]!r}, which is not listed before it")
        last[new.key] = max(last[k] for k in keys)
    for i in range(-1, len(items)):
        if i >= 0:
            yield items[i], i
        yield from ((new, i + 1) for new in inserts if last[new.key] == i)


class _References:
    """Turns references as written into keys, and keeps track of what has been built and taken over."""

    def __init__(self, file: str, items: list[_Item], inserts: list[_Item], reserved: Collection[str]):
        self.count = len(items)
        self.names: dict[str, str] = {}
        self.outputs = {new.key: len(new.after) for new in inserts if isinstance(new.after, list)}
        self.built = {"image"}
        self.taken: dict[str, str] = {}  # key -> what is read in its place
        self.passed: set[tuple[str, str, str]] = set()  # (reader, insert, the key that it read the insert for)
        given: dict[str, str] = {}
        for item in items + inserts:
            several = isinstance(item.name, list)
            if several:
                self.outputs[item.key] = len(item.name)
            for i, name in enumerate(item.name if several else [item.name]):
                if name is None:
                    continue
                if not isinstance(name, str) or not name.isidentifier() or name == "image" or name in reserved:
                    raise InputError(f"{item.where}: {name!r} cannot name a layer; take a plain word, no section")
                if name in given:
                    raise InputError(f"{item.where}: the name {name!r} is that of {given[name]} already")
                given[name] = item.where.removeprefix(f"{file}, ")
                self.names[name] = f"{item.key}.{i}" if several else item.key

    def owner(self, key: str) -> str:
        """Return the key of the layer that gives `key`."""
        return key.split(".")[0]

    def key(self, ref: Any, here: int, where: str) -> str:
        """Return the key that a reference means, before anything is taken over."""
        if isinstance(ref, int) and not isinstance(ref, bool):
            index = here + ref if ref < 0 else ref
            if not -1 <= index < self.count:
                raise InputError(f"{where} reads row {index}, but rows go from 0 to {self.count - 1}")
            return str(index) if index >= 0 else "image"
        text = str(ref)
        if text == "image":
            return text
        if text.isdecimal() and int(text) < self.count:
            return str(int(text))
        if text in self.names:
            return self.names[text]
        layer, dot, output = text.rpartition(".")
        if isinstance(ref, str) and dot and output.isdecimal() and (layer.isdecimal() or layer in self.names):
            key = self.key(layer, here, where)
            if int(output) >= self.outputs.get(key, int(output) + 1):
                raise InputError(f"{where} reads {text!r}, but {layer!r} has {self.outputs[key]} outputs, from 0")
            return f"{key}.{output}"
        raise InputError(f"{where} reads unknown {ref!r}{did_you_mean(text, [*self.names, 'image'])}")

    def followed(self, item: _Item) -> list[str]:
        """Return the keys that an insert comes after."""
        refs = item.after if isinstance(item.after, list) else [item.after]
        if not refs or any(isinstance(r, int) and r < 0 for r in refs):
            raise InputError(f"{item.where}: after takes names or row numbers from 0, not {item.after!r}")
        keys = [self.key(r, 0, item.where) for r in refs]
        for key in keys:
            if key in self.outputs:
                outs = ", ".join(f"{key}.{i}" for i in range(self.outputs[key]))
                raise InputError(f"{item.where}: {key!r} has several outputs; name those it comes after, of {outs}")
        return keys

    def called(self, key: str) -> str:
        """Return the name that a YAML would write for a key; the key itself where there is none."""
        return next((name for name, k in self.names.items() if k == key), key)

    def read(self, ref: Any, here: int, item: _Item) -> str:
        """Return the key that `item`, a reader at row `here`, gets for `ref`."""
        key, where = self.key(ref, here, item.where), item.where
        if self.owner(key) not in self.built:
            raise InputError(f"{where} reads {ref!r}, which comes later")
        if any(t.startswith(f"{key}.") for t in self.taken):
            raise InputError(f"{where} reads all of {key!r}, parts of which are taken over; name them one by one")
        while True:
            owner, _, output = key.partition(".")
            was = key if key in self.taken else owner
            if was not in self.taken:
                return key
            key = self.taken[was] if was == key else f"{self.taken[was]}.{output}"
            self.passed.add((item.key, self.owner(key), was))

    def row(self, item: _Item, here: int) -> Row:
        """Resolve one layer and note what it takes over; layers must come in build order."""
        many = isinstance(item.reads, list)
        source = tuple(self.read(r, here, item) for r in (item.reads if many else [item.reads]))
        if not source:
            raise InputError(f"{item.where} reads nothing: its 'from' is empty")
        takes = tuple(self.key(r, here, item.where) for r in item.takes)
        if takes:
            after = self.followed(item)
            many_out = item.key in self.outputs  # one for each of `after`; a single one may stand for any earlier row
            if extra := [t for t in takes if (t not in after if many_out else self.owner(t) not in self.built)]:
                raise InputError(f"{item.where} takes over {extra[0]!r}, which is not among what it comes after")
            for key in takes:
                self.taken[key] = f"{item.key}.{after.index(key)}" if many_out else item.key
        self.built.add(item.key)
        name = tuple(item.name) if isinstance(item.name, list) else item.name
        args, reads = tuple(item.args), source if many else source[0]
        return Row(item.key, reads, item.repeats, item.module, args, dict(item.kwargs), name, takes)
