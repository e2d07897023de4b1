"""docs/options.md, printed from the table of options: `python -m yolotiny.cli.options_page > docs/options.md`."""

from __future__ import annotations

from ..config.option_table import FORMER, GROUPS, MODES, UNREAD, Option

HEAD = """# Options

<!-- Printed by `python -m yolotiny.cli.options_page`; to change it, change yolotiny/config/option_table.py. -->

What `train`, `val`, `predict`, `track` and `export` read, on the command line (`yolotiny train epochs=50`) and in
Python (`YOLO("yolov5n-p2").train(epochs=50)`). Both check by one table before they begin: an unknown name, an option
that a mode does not read, and a value that it cannot have end in one line that says what to write instead. An option
that is not read is refused even with its default value, because who writes it expects it to do something.
So are options of which one takes the other away (`val=False patience=5`, `rect=True mosaic=1`, `save_conf=True` without
`save_txt=True`). What 0, -1, None and other unusual values mean, of these options, those of other commands and of the
settings of components, is listed in [accepted_values.yaml](../tests/config/accepted_values.yaml); what is not there
is refused.

Besides, `train` takes any setting of a model file by its path (`loss.box.weight=0.1`), `val`, `predict` and `track`
those of slicing (`infer.crops.threshold=0.02`), and `track` those of its tracker (`tracker.track_buffer=60`).
`yolotiny help COMMAND` shows the options of every command.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for title, group in GROUPS.items():
        parts.append(f"## {title.capitalize()}\n\n| option | read by | values | what it does |\n|---|---|---|---|")
        parts += [_row(name, option) for name, option in group.items()]
        parts.append("")
    parts.append("## Read by nothing here\n\nultralytics knows these; they are refused.\n\n| option | why |\n|---|---|")
    parts += [f"| `{name}` | {option.why} |" for name, option in UNREAD.items()]
    parts.append("\n## Former names\n\n| option | write |\n|---|---|")
    parts += [f"| `{name}` | `{now}` |" for name, now in FORMER.items()]
    return "\n".join(parts) + "\n"


def _row(name: str, option: Option) -> str:
    modes = "all" if option.modes == MODES else ", ".join(option.modes)
    text = option.help + (f"; a detector of ours has `{option.ours.rstrip('=')}`" if option.ours else "")
    text += f"; on the command line alone: {option.why}" if option.shell else ""
    return f"| `{name}` | {modes} | {option.values.words} | {text} |"


if __name__ == "__main__":
    print(page(), end="")
