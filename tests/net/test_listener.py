"""Listening sockets: what is in use is seen, and every worker gets its own share of a place."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from trafficguard.errors import StartError
from trafficguard.net.listener import bind


def close(sockets: list[list[socket.socket]]) -> None:
    for worker in sockets:
        for sock in worker:
            sock.close()


def test_every_worker_gets_a_socket_for_each_place() -> None:
    sockets = bind(["127.0.0.1:0", "127.0.0.1:0"], workers=3)
    assert [len(worker) for worker in sockets] == [2, 2, 2]
    ports = {tuple(sock.getsockname()[1] for sock in worker) for worker in sockets}
    assert len(ports) == 1  # all workers share the ports that were found
    assert len(set(*ports)) == 2
    assert len({sock.fileno() for worker in sockets for sock in worker}) == 6
    assert not any(sock.getblocking() for worker in sockets for sock in worker)
    close(sockets)


def test_connections_find_their_way_to_some_worker() -> None:
    sockets = bind(["127.0.0.1:0"], workers=2)
    place = sockets[0][0].getsockname()
    clients = [socket.create_connection(place) for _ in range(32)]
    taken = 0
    for worker in sockets:
        while True:
            try:
                worker[0].accept()[0].close()
            except BlockingIOError:
                break
            taken += 1
    assert taken == 32
    for client in clients:
        client.close()
    close(sockets)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("others", [1, 2])
def test_a_port_in_use_is_seen_even_by_those_who_would_share_it(workers: int, others: int) -> None:
    theirs = bind(["127.0.0.1:0"], workers=others)
    port = theirs[0][0].getsockname()[1]
    with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port}: it is in use"):
        bind([f"127.0.0.1:{port}"], workers)
    close(theirs)


def test_a_port_is_free_again_at_once_after_its_connections_were_closed() -> None:
    sockets = bind(["127.0.0.1:0"], workers=1)
    place = sockets[0][0].getsockname()
    with socket.create_connection(place) as client:
        taken, _ = sockets[0][0].accept()
        taken.close()  # this side lingers in TIME_WAIT
        client.recv(1)
    close(sockets)
    close(bind([f"127.0.0.1:{place[1]}"], workers=1))


def test_an_address_of_another_machine_is_named_with_the_reason() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1:8080: this machine has no such address"):
        bind(["192.0.2.1:8080"], workers=1)


def test_a_name_that_is_not_known_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(StartError, match=r"cannot listen on shop\.invalid:8080: the host name is not known"):
        bind(["shop.invalid:8080"], workers=1)


def test_ipv6_sockets_leave_ipv4_alone() -> None:
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    try:
        six = bind(["[::1]:0"], workers=1)
    except StartError:
        pytest.skip("needs the address ::1")
    assert six[0][0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    close(six)


# Unix sockets


def test_all_workers_share_one_unix_socket(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    sockets = bind([f"unix:{place}"], workers=2)
    assert sockets[0][0] is sockets[1][0]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))
        sockets[0][0].accept()[0].close()
    close(sockets)


def test_a_unix_socket_that_somebody_listens_on_is_in_use(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    theirs = bind([f"unix:{place}"], workers=1)
    with pytest.raises(StartError, match="in use"):
        bind([f"unix:{place}"], workers=1)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))  # they were left alone
    close(theirs)


def test_a_unix_socket_that_nobody_listens_on_any_more_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    close(bind([f"unix:{place}"], workers=1))
    assert place.exists()
    close(bind([f"unix:{place}"], workers=1))


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    place = tmp_path / "door.sock"
    place.write_text("precious")
    with pytest.raises(StartError):
        bind([f"unix:{place}"], workers=1)
    assert place.read_text() == "precious"


def test_a_folder_that_is_missing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        bind([f"unix:{tmp_path}/nowhere/door.sock"], workers=1)
