"""A certificate authority of a test's own, and a server of 127.0.0.1 that it vouches for."""
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def make(directory):
    """Into the directory: ca.pem for those who connect, and the server's context."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=authority", "-keyout", directory / "ca.key",
            "-out", directory / "ca.pem")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
            "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
            "-keyout", directory / "server.key", "-out", directory / "server.pem")
    return directory / "ca.pem", context(directory)


def context(directory):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / "server.pem", directory / "server.key")
    return made
