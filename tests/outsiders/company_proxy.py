"""A company's proxy: it wants a password, notes where requests go, and opens TLS with a certificate of its own."""

import base64
import datetime
import pathlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "clerk", "p@ss:word"
NAMES = ["*.amazonaws.com", "*.eu-central-1.amazonaws.com"]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


# As in the bundles of long-lived systems, which Python's SSL does not take at all.
ODD = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def certificates(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """An authority's certificate, and a server's certificate and key for AWS's names, signed by it."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def signed(subject: str, public_key, is_ca: bool):
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("company"))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        return (builder if is_ca else builder.add_extension(alternatives, False)).sign(ca_key, hashes.SHA256())

    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)

    authority, server = folder / "ca.pem", folder / "server.pem"
    authority.write_bytes(b"# the company's\n" + pem(signed("company", ca_key.public_key(), True)))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.write_bytes(pem(signed("aws", key.public_key(), False)) + private)
    return authority, server


class CompanyProxy:
    """Whatever is asked for, it is the sandbox that answers. Use as a context manager."""

    def __init__(self, folder: pathlib.Path, endpoint: str):
        self.authority, server = certificates(folder)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(server)
        host, port = endpoint.removeprefix("http://").split(":")
        self._behind = (host, int(port))
        self.asked: list[str] = []
        self.closed = False

    def __enter__(self) -> "CompanyProxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def url(self, password: str = PASSWORD) -> str:
        quoted = password.replace("@", "%40").replace(":", "%3A")
        return f"http://{USER}:{quoted}@127.0.0.1:{self.port}"

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                more = connection.recv(65536)
                if not more:
                    return
                head += more
            head, body = head.split(b"\r\n\r\n", 1)
            first, *headers = head.decode().split("\r\n")
            method, target, version = first.split(" ")
            self.asked.append(f"{method} {target}")
            password = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if not any(line.lower() == f"proxy-authorization: basic {password}".lower() for line in headers):
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif self.closed:
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            elif method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                try:
                    with self._tls.wrap_socket(connection, server_side=True) as opened:
                        self._relay(opened, b"")
                except OSError:
                    return
            else:
                path = "/" + target.split("://", 1)[1].partition("/")[2]
                kept = [line for line in headers if not line.lower().startswith(("proxy-", "connection:"))]
                lines = [f"{method} {path} {version}", *kept, "Connection: close", "", ""]
                self._relay(connection, "\r\n".join(lines).encode() + body)

    def _relay(self, near: socket.socket, begun: bytes):
        with socket.create_connection(self._behind) as far:
            far.sendall(begun)

            def pump(source: socket.socket, sink: socket.socket):
                try:
                    while data := source.recv(65536):
                        sink.sendall(data)
                    sink.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join(30)
