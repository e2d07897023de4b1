"""Weights by name: from a server on this machine, whole and as the list says, or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yolotiny import fetch
from yolotiny._compat import environment
from yolotiny.cli.main import main
from yolotiny.errors import InputError
from yolotiny.shipped import WEIGHTS, cfg_dir

CONTENT = bytes(range(256)) * 40
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Sends CONTENT from where it is asked to; `how` says what goes wrong, `asked` what was asked for."""

    how, asked = "", []

    def do_GET(self):
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        Server.asked.append(begin)
        if self.how == "gone":
            return self.send_error(404)
        if begin >= len(CONTENT):
            return self.send_error(416)
        begin = 0 if self.how == "no ranges" else begin
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        self.wfile.write(CONTENT[begin : begin + 4000] if self.how == "cut" else CONTENT[begin:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """Its address; the user has not forbidden the network, and no proxy stands between."""
    monkeypatch.setitem(environment._asked, "offline", "")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(Server, "how", "")
    monkeypatch.setattr(Server, "asked", [])
    served = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/mine.pt"
    served.shutdown()
    served.server_close()


@pytest.fixture
def listed(server, tmp_path):
    """A list with one file."""
    file = tmp_path / "list.yaml"
    file.write_text(f"mine.pt: {{about: ours, licence: MIT, address: '{server}', sha256: '{SHA}'}}\n")
    return file


def test_a_file_comes_whole_and_is_not_fetched_twice(listed, tmp_path):
    told = []
    place, entry = fetch.get("mine.pt", tmp_path / "a" / "b", listed, lambda *step: told.append(step))
    assert place.read_bytes() == CONTENT and entry.licence == "MIT"
    assert told[-1] == ("mine.pt", len(CONTENT), len(CONTENT))
    assert [p.name for p in place.parent.iterdir()] == ["mine.pt"]
    assert fetch.get("mine.pt", place.parent, listed)[0] == place and Server.asked == [0]


@pytest.mark.parametrize("ranges", ["", "no ranges"])
def test_what_was_cut_off_goes_on_where_it_was(listed, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(Server, "how", "cut")
    with pytest.raises(InputError, match=r"ended after 4,000 of 10,240 bytes; 4,000 bytes are kept in .*mine.pt.part"):
        fetch.get("mine.pt", tmp_path, listed)
    assert not (tmp_path / "mine.pt").exists()
    monkeypatch.setattr(Server, "how", ranges)
    assert fetch.get("mine.pt", tmp_path, listed)[0].read_bytes() == CONTENT
    assert Server.asked == [0, 4000] and not (tmp_path / "mine.pt.part").exists()


def test_what_was_complete_before_the_end_was_told_is_taken(listed, tmp_path):
    (tmp_path / "mine.pt.part").write_bytes(CONTENT)
    assert fetch.get("mine.pt", tmp_path, listed)[0].read_bytes() == CONTENT


@pytest.mark.parametrize("before", [b"", b"x" * 4000, b"x" * 20_000], ids=["none", "part", "more"])
def test_another_file_than_the_list_says_is_removed(listed, tmp_path, before):
    if before:
        (tmp_path / "mine.pt.part").write_bytes(before)
    else:
        listed.write_text(listed.read_text().replace(SHA, "0" * 64))
    with pytest.raises(InputError, match="another file than the list says"):
        fetch.get("mine.pt", tmp_path, listed)
    assert [p.name for p in tmp_path.iterdir()] == ["list.yaml"]


def test_a_file_of_the_user_stays(listed, tmp_path):
    (tmp_path / "mine.pt").write_text("mine")
    with pytest.raises(InputError, match=r"mine.pt is there and is another file"):
        fetch.get("mine.pt", tmp_path, listed)
    assert (tmp_path / "mine.pt").read_text() == "mine" and Server.asked == []


def test_nothing_is_fetched_where_the_user_forbade_it(listed, tmp_path, monkeypatch):
    monkeypatch.setitem(environment._asked, "offline", "True")
    with pytest.raises(InputError, match="YOLO_OFFLINE is set"):
        fetch.get("mine.pt", tmp_path, listed)
    assert Server.asked == []


@pytest.mark.parametrize(("value", "forbidden"), [(None, False), ("1", True), ("true", True), ("0", False)])
def test_only_the_user_forbids_not_our_own_default(value, forbidden, monkeypatch):
    monkeypatch.setattr(environment, "_asked", {})
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("YOLO_OFFLINE", value)
    environment.prepare()
    environment.prepare()  # the second time our own default stands in the environment
    assert environment.offline() is forbidden
    assert value is not None or os.environ["YOLO_OFFLINE"] == "1"


def test_an_address_that_does_not_answer_is_one_line(listed, tmp_path, monkeypatch, server):
    monkeypatch.setattr(Server, "how", "gone")
    with pytest.raises(InputError, match="answered 404"):
        fetch.get("mine.pt", tmp_path, listed)
    listed.write_text(listed.read_text().replace(server, "http://127.0.0.1:9/mine.pt"))
    with pytest.raises(InputError, match="cannot be fetched: Connection refused"):
        fetch.get("mine.pt", tmp_path, listed)


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_network(listed, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write .*taken"):
        fetch.get("mine.pt", tmp_path / "taken", listed)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("../mine.pt: {about: a}", "without its folder"),
        ("mine.pt: {adress: a}", "unknown key 'adress'; did you mean 'address'"),
        ("mine.pt: a", "expected about, licence"),
        ("mine.pt: {sha256: 12}", "sha256 is 12, which is no text; write it in quotation marks"),
        ("mine.pt: {address: 'file:///etc/passwd'}", "neither http:// nor https://"),
        ("mine.pt: {address: 'http://a/mine.pt'}", "needs sha256"),
        ("- a", "holds no mapping"),
    ],
)
def test_a_list_that_is_wrong_is_one_line(tmp_path, text, says):
    file = tmp_path / "list.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=says):
        fetch.get("mine.pt", tmp_path, file)


def test_the_command_takes_a_name_and_says_where_the_file_is(listed, tmp_path, capsys):
    assert main(["models", "get", "mine.pt", f"to={tmp_path}", f"file={listed}"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'mine.pt'}: ours (MIT)\n"
    assert main(["models", "get", "mein.pt", f"file={listed}"]) == 2
    assert "holds no weights 'mein.pt'; did you mean 'mine.pt'" in capsys.readouterr().err
    assert main(["models", "get"]) == 2
    assert "models get needs name=" in capsys.readouterr().err


def test_what_is_in_the_package_is_not_fetched(capsys):
    place, _ = fetch.get(WEIGHTS)
    assert place == cfg_dir() / "weights" / WEIGHTS
    assert main(["models", "get", f"name={WEIGHTS}"]) == 0
    assert capsys.readouterr().out.startswith(f"{place}: ")


def test_our_list_holds_what_is_shipped_and_hashes_where_it_has_addresses():
    known = fetch.entries()
    shipped = [file for file in (cfg_dir() / "weights").iterdir() if file.suffix in (".pt", ".onnx")]
    assert len(shipped) == 2
    assert {file.name: fetch.sha256_of(file) for file in shipped} == {f.name: known[f.name].sha256 for f in shipped}
    assert all(entry.about and entry.licence for entry in known.values())
    unknown = [entry for entry in known.values() if not entry.address and entry.name not in {f.name for f in shipped}]
    for entry in unknown:
        with pytest.raises(InputError, match=f"no address of {entry.name} is known here; look at https://"):
            fetch.get(entry.name)
