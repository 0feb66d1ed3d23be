"""Stock clients: each makes one handshake, has a line echoed, and says goodbye."""

import subprocess
import threading

COMMANDS = {
    "openssl s_client": ["openssl", "s_client", "-dtls1_2", "-connect", "127.0.0.1:{port}"],
    "gnutls-cli": ["gnutls-cli", "--udp", "--insecure", "--port", "{port}", "127.0.0.1"],
}


def handshake(kind, port, number, patience):
    """None if all went well, else what the client said."""
    line = f"this is client {number}\n".encode()
    command = [part.format(port=port) for part in COMMANDS[kind]]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watch = threading.Timer(patience, client.kill)
    watch.start()
    said = []
    try:
        client.stdin.write(line)
        client.stdin.flush()
        for out in client.stdout:
            said.append(out)
            if line in out:
                return None
        return f"{kind}: no echo; its last words: {b' / '.join(said[-3:]).decode(errors='replace')}"
    except BrokenPipeError:
        return f"{kind}: gone before it was spoken to"
    finally:
        try:
            client.stdin.close()  # it ends the session and itself
        except BrokenPipeError:
            pass
        client.stdout.read()
        client.wait()
        watch.cancel()
        client.stdout.close()
