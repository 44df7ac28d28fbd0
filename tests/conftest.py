"""What holds for every test: no connection leaves this machine, one CPU thread, plain text of a fixed width."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; child processes inherit it
os.environ["COLUMNS"] = "100"
os.environ["NO_COLOR"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for variable in ("HF_HUB_OFFLINE", "FORCE_COLOR", "TTY_COMPATIBLE", "TERMINAL_WIDTH"):
    os.environ.pop(variable, None)


class NetworkTouched(BaseException):
    """A test tried to leave this machine. No `except Exception` or `except OSError` can hide it."""


def refuse_the_network(address: object) -> None:
    """Raise unless the address is on this machine."""
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes | bytearray | str) and not isinstance(address, tuple):
        return  # the path of a Unix socket
    if host in (None, "", "localhost"):
        return
    try:
        if ipaddress.ip_address(str(host).split("%")[0]).is_loopback:
            return
    except ValueError:
        pass
    raise NetworkTouched(f"a test reached for {address!r}; tests have no network")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connections and name look-ups outside this machine raise."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_the_network(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_the_network(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse_the_network((host.decode() if isinstance(host, bytes) else host,))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield
