"""Pages are fetched from public addresses only, however an address is spelled and whatever a server answers."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest

from index import fetch as fetching
from index.errors import DocumentError
from index.fetch import Address, Fetched, fetch, is_public
from tests.website import Site

PUBLIC = "93.184.216.34"


def anywhere(address: Address) -> bool:
    return True


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Names of no real resolver: name -> its addresses at the first question, at the second and so on."""
    known: dict[str, list[list[str]]] = {}
    resolve = socket.getaddrinfo

    def lookup(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host not in known:
            return resolve(host, port, *rest, **options)
        return [found for address in known[host].pop(0) for found in resolve(address, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


# -- which addresses are public -----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Also one that stands in an IPv6 address."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # the metadata of cloud machines
        "100.64.0.1",  # shared by the customers of a provider
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "fe80::1",
        "fe80::1%lo",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
        "64:ff9b:1::1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:a00:1::1",
        "2001:0:7f00:1::",  # Teredo with the server 127.0.0.1
        "2001:0:4136:e378:8000:63bf:80ff:fffe",  # and with the client 127.0.0.1, written inverted
    ],
)
def test_any_other_address_is_not(address: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast, unspecified; and those that wrap one."""
    assert not is_public(ip_address(address))


# -- no connection ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "localhost",
        "LOCALHOST.",
        "0",
        "0.0.0.0",  # noqa: S104
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
        "[64:ff9b::127.0.0.1]",
        "①②⑦.0.0.1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_spelling_of_this_machine_leads_to_a_connection(connections: list[object], scheme: str, host: str) -> None:
    """Nor of a neighbour: what the name comes to is checked, not how it is written."""
    with pytest.raises(DocumentError):
        fetch(f"{scheme}://{host}:8080/admin")
    assert connections == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.txt",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://ann:secret@example.com/",
        "https://ann@example.com/",
        "http://",
        "http:///etc/passwd",
        "https://exa mple.com/",
        "https://[::1/",
        "https://example.com:99999/",
        "https://example.com/\udc80\n",
        "http://" + "a" * 300 + ".example/",
    ],
)
def test_an_address_of_another_kind_leads_to_no_connection(connections: list[object], url: str) -> None:
    """Other schemes, user names and what is no address; a password is not repeated."""
    with pytest.raises(DocumentError) as refused:
        fetch(url)
    assert connections == []
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("found", [["10.0.0.7"], [PUBLIC, "127.0.0.1"], ["::1", PUBLIC]])
def test_a_name_with_one_private_address_leads_to_no_connection(
    connections: list[object], names: dict[str, list[list[str]]], found: list[str]
) -> None:
    """All that it stands for is checked, since any may be connected to."""
    names["inside.example"] = [found]
    with pytest.raises(DocumentError, match=r"'inside\.example' is .*, no public address; add what is there as a file"):
        fetch("https://inside.example/")
    assert connections == []


def test_a_name_that_means_another_machine_a_moment_later_leads_to_the_first(
    connections: list[object], names: dict[str, list[list[str]]]
) -> None:
    """It is resolved once, and the connection goes to what was checked."""
    names["rebinding.example"] = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    with pytest.raises(DocumentError, match="cannot fetch it"):
        fetch("http://rebinding.example:8080/")
    assert connections == [(PUBLIC, 8080)]
    assert len(names["rebinding.example"]) == 2


@pytest.mark.parametrize(
    ("status", "target"),
    [
        (301, "http://127.1:{port}/secret"),
        (302, "http://localhost:{port}/secret"),
        (303, "//2130706433:{port}/secret"),
        (307, "/secret"),
        (308, "http://[::1]:{port}/secret"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(site: Site, status: int, target: str) -> None:
    """The first is let pass, what it redirects to is this machine; nothing is asked there."""
    site.text("/secret", "The key is under the mat.")
    start = site.redirect("/start", target.format(port=site.port), status)
    first = iter([True])
    with pytest.raises(DocumentError, match="no public address"):
        fetch(start, allowed=lambda address: next(first, False) or is_public(address))
    assert [path for path, _ in site.asked] == ["/start"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://[/"])
def test_a_redirect_to_another_kind_of_address_is_refused(site: Site, target: str) -> None:
    """The same rules as for the first."""
    with pytest.raises(DocumentError):
        fetch(site.redirect("/start", target), allowed=anywhere)
    assert len(site.asked) == 1


def test_a_circle_of_redirects_ends_after_five(site: Site) -> None:
    """Six questions, and a line that says so."""
    with pytest.raises(DocumentError, match="more than 5 redirects, the next to"):
        fetch(site.redirect("/start", "/start"), allowed=anywhere)
    assert len(site.asked) == 6


# -- what comes back ----------------------------------------------------------------------------------------------


def test_a_page_comes_with_its_type_and_its_last_address(site: Site) -> None:
    """After a redirect; with the name that was asked for, no cookie of the first answer and no proxy."""
    site.text("/notes.md", "# Notes", "text/markdown")
    start = site.redirect("/start", "/notes.md")
    assert fetch(start, allowed=anywhere) == Fetched(f"{site.url}/notes.md", "text/markdown", b"# Notes")
    headers = site.asked[1][1]
    assert headers["Host"] == f"127.0.0.1:{site.port}"
    assert {"Cookie", "Authorization", "Referer"} & headers.keys() == set()


def test_the_environment_names_no_proxy(
    site: Site, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]
) -> None:
    """Nothing is asked of the one that is set there; the name of the page's host is sent to the page's host."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.text("/a.txt", "Rain.")
    names["a.example"] = [["127.0.0.1"]]
    assert fetch(f"http://a.example:{site.port}/a.txt", allowed=anywhere).data == b"Rain."
    assert site.asked[0][1]["Host"] == f"a.example:{site.port}"


def test_the_second_address_is_tried_where_the_first_does_not_answer(
    site: Site, names: dict[str, list[list[str]]]
) -> None:
    """Nothing listens at ::1, the page is at 127.0.0.1."""
    site.text("/a.txt", "Rain.")
    names["two.example"] = [["::1", "127.0.0.1"]]
    assert fetch(f"http://two.example:{site.port}/a.txt", allowed=anywhere).data == b"Rain."


def test_fetching_works_where_an_event_loop_runs_already(site: Site) -> None:
    """As in a notebook."""
    url = site.text("/a.txt", "Rain.")

    async def inside() -> bytes:
        return fetch(url, allowed=anywhere).data

    assert asyncio.run(inside()) == b"Rain."


def test_what_is_packed_is_unpacked_and_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a million bytes that inflate to sixty million are given up at the limit."""
    site.pages["/small"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"Rain."))
    assert fetch(f"{site.url}/small", allowed=anywhere).data == b"Rain."
    site.pages["/bomb"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(60_000_000), 1))
    with pytest.raises(DocumentError, match="more than 50 MB; add the part that matters as a file"):
        fetch(f"{site.url}/bomb", allowed=anywhere)
    monkeypatch.setattr(fetching, "MAX_BYTES", 1000)
    site.pages["/long"] = (200, {}, bytes(1001))
    with pytest.raises(DocumentError, match="more than 0 MB"):
        fetch(f"{site.url}/long", allowed=anywhere)


@pytest.mark.parametrize("packed", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_is_packed_in_another_way_is_refused(site: Site, packed: str) -> None:
    """These inflate without a bound, or nobody unpacks them."""
    site.pages["/a"] = (200, {"Content-Encoding": packed}, b"any")
    with pytest.raises(DocumentError, match=f"it is packed as '{packed}', not gzip or deflate"):
        fetch(f"{site.url}/a", allowed=anywhere)


def test_what_is_damaged_on_the_way_is_said_so(site: Site) -> None:
    """Bytes that are not what the header says, a page that breaks off, and an answer that is no page."""
    site.pages["/bad"] = (200, {"Content-Encoding": "gzip"}, b"not gzip")
    site.pages["/short"] = (200, {"Content-Length": "100"}, b"half")
    for path in ("/bad", "/short"):
        with pytest.raises(DocumentError, match="cannot fetch it: "):
            fetch(site.url + path, allowed=anywhere)
    site.pages["/gone"] = (404, {}, b"No such page")
    with pytest.raises(DocumentError, match="the server answered 404; check the address"):
        fetch(f"{site.url}/gone", allowed=anywhere)


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of this machine whose first caller gets this answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                answer(caller)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join()


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["headers", "body"])
def test_a_server_that_drips_is_given_up_in_time(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every few milliseconds, in the headers and in the page, does not stretch the limit."""
    monkeypatch.setattr(fetching, "TIME_LIMIT_S", 0.3)

    def drip(caller: socket.socket) -> None:
        try:
            caller.sendall(begin or b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                caller.sendall(b"a")
                time.sleep(0.005)
        except OSError:
            pass  # hung up

    started = time.monotonic()
    with (
        listener(drip) as port,
        pytest.raises(DocumentError, match="it took longer than 0 s; try again later, or add it as a file"),
    ):
        fetch(f"http://127.0.0.1:{port}/", allowed=anywhere)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_the_certificate_is_checked_against_the_name(
    tmp_path: Path, names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to the address, the certificate has to be the name's, and of somebody who is trusted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
    files = ["-addext", "subjectAltName=DNS:named.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def answer(caller: socket.socket) -> None:
        try:
            with context.wrap_socket(caller, server_side=True) as secure:
                secure.recv(10_000)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nRain.")
        except OSError:
            pass  # the caller does not trust it

    def page(name: str) -> bytes:
        names[name] = [["127.0.0.1"]]
        with listener(answer) as port:
            return fetch(f"https://{name}:{port}/", allowed=anywhere).data

    with pytest.raises(DocumentError, match="certificate verify failed"):
        page("named.example")
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: ssl.create_default_context(cafile=certificate))
    assert page("named.example") == b"Rain."
    with pytest.raises(DocumentError, match="certificate verify failed: Hostname mismatch"):
        page("other.example")
