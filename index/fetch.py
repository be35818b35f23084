"""An http or https address to the bytes behind it, from public addresses of the internet only.

Nothing is fetched but what a user names. A name is resolved once, every address that it stands for is checked, and the
connection goes to a checked one: a name that means another machine a moment later leads nowhere else. Each redirect is
a new address to be checked the same way. No cookies are kept and no proxy is used. Knows nothing of what pages mean.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from index.errors import DocumentError

MAX_BYTES = 50_000_000  # after inflating
TIME_LIMIT_S = 60.0  # for everything, redirects included
_REDIRECTS = 5
_INFLATED = ("", "identity", "gzip", "deflate")  # at most 1,032 to 1, so that one read is never more than 70 MB
_HEADERS = {"Accept": "text/*, */*;q=0.5", "Accept-Encoding": "gzip, deflate", "User-Agent": "sayso"}
_PROTOCOLS = IPv4Network("192.0.0.0/24")  # earlier Pythons than 3.11.10 take most of it for public
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """What stands at an address. url: after redirects. content_type: as the server named it, "" where it did not."""

    url: str
    content_type: str
    data: bytes


def is_public(address: Address) -> bool:
    """Whether the address is one of the internet at large, whatever IPv4 address it wraps included."""
    if isinstance(address, IPv4Address):
        special = address.is_multicast or address.is_reserved or address in _PROTOCOLS
        return address.is_global and not special
    wrapped = _wrapped(address)
    return all(map(is_public, wrapped)) if wrapped else address in _UNICAST and address.is_global


def _wrapped(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to this one may reach."""
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return tuple(filter(None, (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))))


def fetch(url: str, *, allowed: Callable[[Address], bool] = is_public) -> Fetched:
    """Raises DocumentError for what may not be fetched and for what cannot be. allowed: addresses to connect to."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_in_time(url, allowed))
    with ThreadPoolExecutor(1) as thread:  # the caller's own has an event loop already
        return thread.submit(asyncio.run, _in_time(url, allowed)).result()


async def _in_time(url: str, allowed: Callable[[Address], bool]) -> Fetched:
    """asyncio for its timeout: one of a socket starts anew with each byte that a slow server sends."""
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            return await _follow(httpx.URL(url), allowed)
    except TimeoutError as error:
        raise DocumentError(
            f"it took longer than {TIME_LIMIT_S:.0f} s; try again later, or add it as a file"
        ) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise DocumentError(f"this is not an address ({error}); check the spelling") from error
    except (httpx.HTTPError, OSError) as error:
        why = str(error) or type(error).__name__
        raise DocumentError(f"cannot fetch it: {why}; check the address and the connection") from error


async def _follow(url: httpx.URL, allowed: Callable[[Address], bool]) -> Fetched:
    for _ in range(1 + _REDIRECTS):
        found = await _get(url, await _resolve(url, allowed))
        if isinstance(found, Fetched):
            return found
        url = found
    raise DocumentError(f"more than {_REDIRECTS} redirects, the next to {str(url)!r}; add the last address")


async def _resolve(url: httpx.URL, allowed: Callable[[Address], bool]) -> list[Address]:
    """Every address of the URL's host, all of them allowed."""
    if url.scheme not in ("http", "https"):
        raise DocumentError(f"{url.scheme!r} is not fetched, only http and https; add it as a file")
    if url.userinfo:
        raise DocumentError("the address holds a user name or a password; leave them out")
    if not url.host:
        raise DocumentError("the address names no host; write it as https://HOST/PAGE")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(_host(url), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DocumentError(f"no machine {url.host!r} is known; check the spelling and the connection") from error
    addresses = list(dict.fromkeys(ip_address(place[0]) for *_, place in found))
    for address in addresses:
        if not allowed(address):
            raise DocumentError(f"{url.host!r} is {address}, no public address; add what is there as a file")
    return addresses


async def _get(url: httpx.URL, addresses: list[Address]) -> Fetched | httpx.URL:
    """What the server at the first address that can be reached sends, or where it redirects to."""
    headers = _HEADERS | {"Host": url.netloc.decode("ascii")}
    trusted = httpx.create_ssl_context(trust_env=False)
    for address in addresses:
        # A client a hop: connections are kept by address, and one that was made for another name is not to be used.
        async with httpx.AsyncClient(verify=trusted, trust_env=False, timeout=TIME_LIMIT_S) as client:
            there = url.copy_with(host=str(address))
            try:
                # The name is what the certificate is checked against.
                request = client.build_request("GET", there, headers=headers, extensions={"sni_hostname": _host(url)})
                response = await client.send(request, stream=True)
            except httpx.ConnectError:
                if address == addresses[-1]:
                    raise
                continue
            try:
                if response.has_redirect_location:
                    return url.join(response.headers["Location"])
                return Fetched(str(url), response.headers.get("Content-Type", ""), await _body(response))
            finally:
                await response.aclose()
    raise AssertionError("a host has an address")


async def _body(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise DocumentError(f"the server answered {response.status_code}; check the address")
    packed = response.headers.get("Content-Encoding", "").lower()
    if packed not in _INFLATED:
        raise DocumentError(f"it is packed as {packed!r}, not gzip or deflate; add it as a file")
    data = bytearray()
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) > MAX_BYTES:
            raise DocumentError(f"more than {MAX_BYTES / 1e6:.0f} MB; add the part that matters as a file")
    return bytes(data)


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")
