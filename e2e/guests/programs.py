"""What is run: a name, a command, the exit status that it has."""

import pathlib
import subprocess
import sys

PYTHON = sys.executable
HANDSHAKE = (
    "import socket, ssl; c = ssl.create_default_context(); c.check_hostname = False; "
    "c.verify_mode = ssl.CERT_NONE; s = c.wrap_socket(socket.create_connection(('127.0.0.1', {port}))); "
    "print(ssl.OPENSSL_VERSION, s.version())"
)
NODE = (
    "require('https').get({{port: {port}, rejectUnauthorized: false}}, "
    "r => r.on('data', d => console.log(String(d)))).on('error', e => console.log(e.code))"
)
QUERY = (
    "import psycopg2\n"
    "try: psycopg2.connect(host='127.0.0.1', port={postgres}, user='x', sslmode='require')\n"
    "except psycopg2.OperationalError as e: print(psycopg2.__version__, str(e).rsplit('FATAL')[-1])"
)
PROGRAMS = [
    ("sh", ["sh", "-c", "true"], 0),
    ("true", ["true"], 0),
    ("curl", ["curl", "-sk", "https://127.0.0.1:{port}/"], 0),
    ("python3", [PYTHON, "-c", HANDSHAKE], 0),
    ("node", ["node", "-e", NODE], 0),
    ("psql", ["psql", "-h", "127.0.0.1", "-p", "{postgres}", "-U", "x", "sslmode=require"], 2),
    ("openssl", ["openssl", "s_client", "-connect", "127.0.0.1:{port}", "-brief"], 0),
    ("nginx", ["nginx", "-t", "-q", "-e", "stderr", "-c", "{scratch}/nginx.conf"], 0),
]
WHEELS = ("2.9.9", "2.9.13")

NGINX = """pid {scratch}/nginx.pid;
events {{ }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:1 ssl;
        ssl_certificate {scratch}/cert.pem;
        ssl_certificate_key {scratch}/key.pem;
    }}
}}
"""


def wheel(version, scratch):
    """psycopg2-binary of that version, unpacked: where."""
    place = pathlib.Path(scratch) / f"psycopg2-{version}"
    if not place.exists():
        new = place.with_suffix(".new")
        subprocess.run(
            [
                PYTHON,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--root-user-action=ignore",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
                "--target",
                new,
                f"psycopg2-binary=={version}",
            ],
            check=True,
        )
        new.rename(place)
    return place
