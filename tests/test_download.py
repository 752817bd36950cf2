"""The whole way of a download, against a small server on this machine."""

import hashlib
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pictures import layout, write_zip

from npalexnet import datasets, train
from npalexnet.datasets import SUBSETS, download
from npalexnet.datasets.download import Remote
from npalexnet.system.errors import UserError


class Server(BaseHTTPRequestHandler):
    """Serves one file, in the way that its list of moods says, one mood a request."""

    def __init__(self, content, moods, asked, *args):
        self.content, self.moods, self.asked = content, moods, asked
        super().__init__(*args)

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        mood = self.moods.pop(0) if len(self.moods) > 1 else self.moods[0]
        if mood == "refused":
            self.send_error(403)
            return
        content = b"something else" if mood == "wrong" else self.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if mood == "interrupted":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.connection.close()
        elif mood == "silent":
            self.wfile.write(content[:1000])
            self.wfile.flush()
            time.sleep(1.5)
        elif mood == "slow":
            for lo in range(0, len(content), 4096):
                self.wfile.write(content[lo : lo + 4096])
                self.wfile.flush()
                time.sleep(0.01)
        else:
            self.wfile.write(content)


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """serve("good", ...): a server of these moods is where Tiny ImageNet comes from."""
    monkeypatch.setenv("NPALEXNET_DATA", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)
    path = write_zip(tmp_path / "made-up.zip", layout(train=8, val=4))
    content = path.read_bytes()
    path.unlink()
    servers = []

    def start(*moods, checksum=None):
        asked = []
        handler = partial(Server, content, list(moods), asked)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remote = Remote(
            f"http://127.0.0.1:{server.server_port}/tiny-imagenet-200.zip",
            len(content),
            f"sha256:{checksum or hashlib.sha256(content).hexdigest()}",
        )
        subset = SUBSETS["tiny-imagenet"]._replace(remote=(remote,))
        monkeypatch.setitem(SUBSETS, "tiny-imagenet", subset)
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files(tmp_path):
    folder = tmp_path / "kept" / "tiny-imagenet"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_a_run_downloads_once_and_trains(tmp_path, serve, capfd):
    asked = serve("good")
    arguments = ["--subset", "tiny-imagenet", "--epochs", "1", "--batch", "8"]
    assert train.main(arguments) == 0
    assert "downloading 0 MB to" in capfd.readouterr().out
    assert files(tmp_path) == ["tiny-imagenet-200.zip"]
    assert train.main(arguments) == 0
    assert "downloading" not in capfd.readouterr().out
    assert len(asked) == 1
    assert (tmp_path / "runs" / "tiny-imagenet-small" / "last.npz").exists()


@pytest.mark.parametrize("mood", ["interrupted", "wrong", "refused"])
def test_what_goes_wrong_once_is_tried_again(tmp_path, serve, mood, capfd):
    asked = serve(mood, "good")
    data = datasets.load("tiny-imagenet")
    assert len(data.train.labels) == 24
    assert len(asked) == 2
    assert files(tmp_path) == ["tiny-imagenet-200.zip"]
    assert "trying again" in capfd.readouterr().err


def test_a_slow_server_is_waited_for(serve):
    asked = serve("slow")
    assert len(datasets.load("tiny-imagenet").train.labels) == 24
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("interrupted", r"\(.*\)"),
        ("wrong", r"what came is not the file of [\d,]+ bytes that was expected"),
        ("refused", "403 Client Error: Forbidden"),
        ("silent", "no answer for 0.3 s"),
    ],
)
def test_what_stays_wrong_ends_in_one_line_with_a_way_out(
    tmp_path, serve, mood, says, monkeypatch, capfd
):
    asked = serve(mood)
    monkeypatch.setattr(download, "SILENCE", 0.3)
    with pytest.raises(UserError, match=says) as error:
        datasets.load("tiny-imagenet")
    by_hand = tmp_path / "kept" / "tiny-imagenet" / "tiny-imagenet-200.zip"
    assert f"put it at {by_hand}" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(asked) == download.TRIES
    assert files(tmp_path) == []


def test_a_dead_address_ends_in_one_line(serve, monkeypatch, capsys):
    serve("good")
    dead = Remote("http://127.0.0.1:9/tiny-imagenet-200.zip", 10, "sha256:0")
    subset = SUBSETS["tiny-imagenet"]._replace(remote=(dead,))
    monkeypatch.setitem(SUBSETS, "tiny-imagenet", subset)
    assert train.main(["--subset", "tiny-imagenet"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "no connection" in last
    assert "--data" in last


def test_a_file_cut_short_is_not_taken_for_whole(tmp_path, serve):
    asked = serve("good")
    datasets.load("tiny-imagenet")
    path = tmp_path / "kept" / "tiny-imagenet" / "tiny-imagenet-200.zip"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    datasets.load("tiny-imagenet")
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-1] + b"x")  # the right size
    datasets.load("tiny-imagenet")
    assert path.read_bytes() == whole
    assert len(asked) == 3


def test_a_file_put_there_by_hand_needs_no_network(tmp_path, serve):
    asked = serve("good")
    datasets.load("tiny-imagenet")
    asked.clear()
    datasets.load("tiny-imagenet")
    assert asked == []


def test_no_room_is_said_before_anything_is_asked_for(serve, tmp_path, monkeypatch):
    asked = serve("good")
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=9))
    with pytest.raises(UserError, match="the download needs"):
        datasets.load("tiny-imagenet")
    assert asked == []


def test_fashion_mnist_is_taken_from_the_system_when_it_is_there(
    tmp_path, monkeypatch, serve
):
    from pictures import write_folder
    from test_layouts import mnist

    folder = write_folder(tmp_path / "system", mnist())
    subset = SUBSETS["fashion-mnist"]._replace(installed=str(folder), remote=())
    monkeypatch.setitem(SUBSETS, "fashion-mnist", subset)
    assert len(datasets.load("fashion-mnist").train.labels) == 20
