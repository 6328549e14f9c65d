"""TLS to clients: versions, certificates that change, client certificates, strangers on the port."""
import os
import shutil
import socket
import ssl
import subprocess
import time
import warnings

import pytest

from conftest import running_gateway

warnings.filterwarnings("ignore", category=DeprecationWarning)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificate(folder, name):
    """A self-signed certificate for localhost whose common name is `name`."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    return folder / f"{name}.pem", folder / f"{name}.key"


@pytest.fixture
def served(tmp_path, upstream):
    """A gateway with TLS; its certificate files are live.pem and live.key."""
    certificate, key = make_certificate(tmp_path, "first")
    shutil.copy(certificate, tmp_path / "live.pem")
    shutil.copy(key, tmp_path / "live.key")
    with running_gateway(tmp_path, upstream.url, options=[
            f"server.tls.cert={tmp_path}/live.pem", f"server.tls.key={tmp_path}/live.key"]) as gateway:
        yield gateway


def context_of(lowest=None, highest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if lowest:
        context.minimum_version, context.maximum_version = lowest, highest
    return context


def connect(gateway, context=None):
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    return (context or context_of()).wrap_socket(plain, server_hostname="localhost")


def get_live(connection):
    connection.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    received = b""
    while b'{"status":"live"}' not in received:
        piece = connection.recv(4096)
        assert piece, received
        received += piece
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def common_name(connection, folder):
    path = folder / "seen.der"
    path.write_bytes(connection.getpeercert(binary_form=True))
    return subprocess.run(["openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-subject"],
                          check=True, capture_output=True, text=True).stdout.strip().rsplit("=", 1)[1].strip()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_current_versions_are_spoken(served, version):
    with connect(served, context_of(version, version)) as connection:
        get_live(connection)
        get_live(connection)
        assert connection.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]


def test_old_versions_are_refused(served):
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):  # the gateway's alert, not this client's own refusal
        connect(served, context_of(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1))


def test_http_1_1_is_agreed_on_by_alpn(served):
    context = context_of()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(served, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        get_live(connection)


def test_a_replaced_certificate_reaches_new_connections_and_old_ones_live_on(served):
    folder = served.folder
    with connect(served) as old:
        get_live(old)
        assert common_name(old, folder) == "first"
        certificate, key = make_certificate(folder, "second")
        os.replace(key, folder / "live.key")
        os.replace(certificate, folder / "live.pem")
        end = time.monotonic() + 15
        name = ""
        while name != "second" and time.monotonic() < end:
            with connect(served) as new:
                name = common_name(new, folder)
                get_live(new)
        assert name == "second"
        get_live(old)


def test_a_broken_certificate_is_not_taken_and_the_old_one_stays(served):
    (served.folder / "live.pem").write_text("no certificate")
    end = time.monotonic() + 15
    while "the old one stays" not in served.log() and time.monotonic() < end:
        time.sleep(0.05)
    assert "the old one stays" in served.log()
    with connect(served) as connection:
        assert common_name(connection, served.folder) == "first"


def test_client_certificates_are_demanded_if_an_authority_is_configured(tmp_path, upstream):
    certificate, key = make_certificate(tmp_path, "server")
    known, known_key = make_certificate(tmp_path, "known")
    stranger, stranger_key = make_certificate(tmp_path, "stranger")
    with running_gateway(tmp_path, upstream.url, options=[
            f"server.tls.cert={certificate}", f"server.tls.key={key}", f"server.tls.client_ca={known}"]) as gateway:
        context = context_of()
        context.load_cert_chain(known, known_key)
        with connect(gateway, context) as connection:
            get_live(connection)
        for pair in (None, (stranger, stranger_key)):
            context = context_of()
            if pair:
                context.load_cert_chain(*pair)
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                with connect(gateway, context) as connection:
                    get_live(connection)


def test_strangers_on_the_port_are_cut_and_harm_nobody(served):
    for garbage in (b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\0" * 100):
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as plain:
            try:
                plain.sendall(garbage)
                while plain.recv(65536):
                    pass
            except ConnectionError:
                pass
    with connect(served) as connection:
        get_live(connection)


def test_a_handshake_that_never_ends_is_cut_after_the_header_timeout(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as plain:
        plain.sendall(b"\x16\x03\x01")
        begin = time.monotonic()
        try:
            assert plain.recv(100) == b""
        except ConnectionError:
            pass
        assert time.monotonic() - begin < 8  # header_timeout is 2 s
