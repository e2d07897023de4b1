"""What the site shows besides the pages of docs/: notebooks, and files of the repository that a page links to.

mkdocs sees docs/ alone. A link such as `../cfg/models/yolotiny.yaml` works in the repository; here its target becomes a
page under files/, and the link is turned to that. A notebook becomes a page with the outputs that are stored in it.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

PICTURES = (".jpg", ".jpeg", ".png", ".svg")
ALWAYS = ("CONTRIBUTING.md", "CHANGELOG.md")  # in the navigation, linked or not
LANGUAGES = {".py": "python", ".yaml": "yaml", ".cpp": "cpp", ".sbatch": "bash", ".json": "json", ".toml": "toml"}
# Code comes first, so that what looks like a link in it is left alone.
CODE_OR_LINK = re.compile(
    r"^(?P<fence>```+|~~~+).*?^(?P=fence)\s*?$|`[^`\n]+`|(?<=\]\()(?P<link>[^)\s]+)(?=\)|\s+\")", re.M | re.S
)
OUTSIDE = re.compile(r"[a-z]+:|#|/", re.I)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SHOWN = ("image/png", "image/jpeg", "image/svg+xml", "text/markdown", "text/plain")  # of one output, the first it has


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and one for each file elsewhere in the repository that any page links to."""
    root = Path(config.config_file_path).parent
    for file in [f for f in files if f.src_uri.endswith(".ipynb")]:
        pages_of_notebook(file, files, config)
    waiting = [f"{posixpath.basename(config.docs_dir)}/{f.src_uri}" for f in files.documentation_pages()]
    waiting += ALWAYS
    for place in waiting:  # grows while it is read: a linked page has links of its own
        source = site_place(place)
        file = files.get_file_from_path(source)
        if file is None:
            inclusion = InclusionLevel.INCLUDED if place in ALWAYS else InclusionLevel.NOT_IN_NAV
            file = File.generated(config, source, content=as_page(root / place), inclusion=inclusion)
            files.append(file)
        for target in repository_links(file.content_string, place):
            if target not in waiting and (root / target).is_file() and is_page(target):
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links into the repository to the pages made of their targets."""
    if page.parent is None:  # alone in its tab, it needs no list of one beside it
        page.meta["hide"] = ["navigation"]
    here = page.file.src_uri
    place = repository_place(here)

    def turned(match: re.Match[str]) -> str:
        link = match["link"]
        if not link or OUTSIDE.match(link):
            return match[0]
        path, mark, anchor = link.partition("#")
        target = site_place(posixpath.normpath(posixpath.join(posixpath.dirname(place), path)))
        return posixpath.relpath(target, posixpath.dirname(here) or ".") + mark + anchor

    return indented(CODE_OR_LINK.sub(turned, markdown))


def indented(markdown: str) -> str:
    """Lists as GitHub reads them, for Python-Markdown.

    What belongs to an item is indented by four spaces there, not two, and an item behind it wants an empty line before.
    """
    out, fence, item, loose = [], "", False, False
    for line in markdown.split("\n"):
        mark = re.match(r"```+|~~~+", line)
        if mark and line.startswith(fence):
            fence, item = "" if fence else mark[0], False
        elif line and not fence:
            begins = line.startswith("- ")
            if begins and loose and out[-1]:
                out.append("")
            loose = loose and item and not begins
            item = begins or (item and line.startswith("  "))
        loose = loose or (item and not line)
        out.append(f"  {line}" if item and line.startswith("  ") else line)
    return "\n".join(out)


def repository_links(markdown: str, place: str) -> Iterator[str]:
    """Places in the repository that a text at `place` links to."""
    for match in CODE_OR_LINK.finditer(markdown):
        if match["link"] and not OUTSIDE.match(match["link"]):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(place), match["link"].partition("#")[0]))


def is_page(place: str) -> bool:
    """Whether the site has a page for this file, and not the file itself, as for pictures."""
    return site_place(place).endswith(".md")


def site_place(place: str) -> str:
    """Where the site has a file of the repository: `docs/a.md` -> `a.md`, `cfg/a.yaml` -> `files/cfg/a.yaml.md`."""
    inside = place.removeprefix("docs/") if place.startswith("docs/") else None
    suffix = posixpath.splitext(place)[1]
    if inside and suffix == ".ipynb":
        return f"{inside.removesuffix('.ipynb')}.md"
    if inside and suffix in (".md", *PICTURES):
        return inside
    return f"files/{place}" if suffix == ".md" else f"files/{place}.md"


def repository_place(source: str) -> str:
    """The other way: `a.md` -> `docs/a.md`, `files/cfg/README.md` -> `cfg/README.md`."""
    return source.removeprefix("files/") if source.startswith("files/") else f"docs/{source}"


def as_page(path: Path) -> str:
    """A file of the repository as Markdown, out of the search, where it would hide the page that explains it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    language = "docker" if "Dockerfile" in path.name else LANGUAGES.get(path.suffix, "text")
    return f"---\nsearch: {{exclude: true}}\n---\n# {path.name}\n\n````{language}\n{text.rstrip()}\n````\n"


def pages_of_notebook(file: File, files: Files, config: MkDocsConfig) -> None:
    """Add the page of a notebook, and its pictures beside it."""
    stem = file.src_uri.removesuffix(".ipynb")
    parts = []
    for number, cell in enumerate(json.loads(file.content_string)["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] != "code":
            parts.append(text)
            continue
        parts.append(f"```python\n{text}\n```")
        for at, output in enumerate(cell["outputs"]):
            kind, shown = output_of(output)
            if kind.startswith("image/"):
                name = f"{stem}-{number}-{at}.{kind.split('/')[1].partition('+')[0]}"
                content = shown if kind == "image/svg+xml" else base64.b64decode(shown)
                files.append(File.generated(config, name, content=content))
                parts.append(f"![what the cell above shows]({posixpath.basename(name)})")
            elif kind == "text/markdown":
                parts.append(shown)
            elif shown.strip():
                parts.append(f"````{{.text .output}}\n{ANSI.sub('', shown).rstrip()}\n````")
    parts.append(f'<a href="{file.name}.ipynb" download>{file.name}.ipynb</a>, to run it')
    files.append(File.generated(config, f"{stem}.md", content="\n\n".join(parts) + "\n"))


def output_of(output: dict) -> tuple[str, str]:
    """The kind and the content of what is shown of one output of a cell."""
    if output["output_type"] == "stream":
        return "text/plain", "".join(output["text"])
    if output["output_type"] == "error":
        return "text/plain", "\n".join(output["traceback"])
    kind = next((kind for kind in SHOWN if kind in output["data"]), "")
    return kind or "text/plain", "".join(output["data"].get(kind, ""))
