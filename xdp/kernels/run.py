#!/usr/bin/env python3
"""Has the verifiers of Debian's kernels look at the program: QEMU, without KVM, 20 s each.

    xdp/kernels/run.py [SUITE...]     bookworm (6.1) and trixie (6.12)

A kernel is fetched once, as a Debian package by apt, and kept outside the checkout.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = os.environ.get("XDP", f"{HERE}/../target/debug/dtlsv1-listen-xdp")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "libdtlsv1_listen", "kernels")


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def archive():
    """The Debian archive that this system's apt uses."""
    found = run("apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN)", "Created-By: Packages")
    for line in found.splitlines():
        site, _, origin = line.partition(" ")
        if origin == "Debian" and site.endswith("/debian"):
            return site
    sys.exit("apt knows no Debian archive: kernels/run.py is for Debian")


def fetch(suite):
    """The kernel's image; by a private apt, so that the system's is left as it is."""
    image = f"{CACHE}/{suite}"
    if os.path.exists(image):
        return image
    with tempfile.TemporaryDirectory() as work:
        for directory in ("lists/partial", "cache/archives/partial"):
            os.makedirs(f"{work}/{directory}")
        with open(f"{work}/sources", "w", encoding="utf-8") as file:
            file.write(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {archive()} {suite} main\n")
        # As root, or apt cannot read what is here.
        options = [
            "-o",
            f"Dir::Etc::SourceList={work}/sources",
            "-o",
            "Dir::Etc::SourceParts=-",
            "-o",
            f"Dir::State::Lists={work}/lists",
            "-o",
            f"Dir::Cache={work}/cache",
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "Acquire::Languages=none",
        ]
        run("apt-get", *options, "update")
        depends = run("apt-cache", *options, "depends", "linux-image-amd64")
        package = re.search(r"Depends: (linux-image-\d\S+)", depends).group(1)
        run("apt-get", *options, "download", package, cwd=work)
        deb = [name for name in os.listdir(work) if name.endswith(".deb")][0]
        run("dpkg-deb", "-x", f"{work}/{deb}", f"{work}/root")
        boot = f"{work}/root/boot"
        name = [name for name in os.listdir(boot) if name.startswith("vmlinuz-")][0]
        os.makedirs(CACHE, exist_ok=True)
        shutil.copy(f"{boot}/{name}", image + ".new")
        os.rename(image + ".new", image)
    return image


def initramfs(work):
    """A newc archive: init, the command and its libraries, /dev/console."""
    run("cc", "-static", "-Os", "-o", f"{work}/init", f"{HERE}/init.c")
    files = {"init": f"{work}/init", "check": CHECK}
    for path in re.findall(r"(/\S+) \(0x", run("ldd", CHECK)):
        files[path.lstrip("/")] = path
    entries = [
        ("proc", 0o40755, b"", 0),
        ("sys", 0o40755, b"", 0),
        ("dev", 0o40755, b"", 0),
        ("dev/console", 0o20600, b"", 5 << 8 | 1),
    ]
    made = set()
    for name in files:
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            directory = "/".join(parts[:depth])
            if directory not in made:
                made.add(directory)
                entries.append((directory, 0o40755, b"", 0))
    for name, path in files.items():
        with open(path, "rb") as file:
            entries.append((name, 0o100755, file.read(), 0))
    entries.append(("TRAILER!!!", 0, b"", 0))
    with open(f"{work}/initramfs", "wb") as out:
        for number, (name, mode, data, device) in enumerate(entries, 1):
            head = [number, mode, 0, 0, 1, 0, len(data), 0, 0, device >> 8, device & 255, len(name) + 1, 0]
            out.write(b"070701" + "".join(f"{field:08X}" for field in head).encode())
            out.write(name.encode() + b"\0")
            out.write(b"\0" * (-out.tell() % 4))
            out.write(data)
            out.write(b"\0" * (-out.tell() % 4))
    return f"{work}/initramfs"


def main():
    failed = False
    with tempfile.TemporaryDirectory() as work:
        image = initramfs(work)
        for suite in sys.argv[1:] or ["bookworm", "trixie"]:
            kernel = fetch(suite)
            version = re.search(r"version (\S+)", run("file", "-b", kernel)).group(1)
            # What the machine has, QEMU has: SHA-256's bytes do not depend on it.
            done = subprocess.run(
                [
                    "qemu-system-x86_64",
                    "-accel",
                    "tcg",
                    "-m",
                    "512",
                    "-smp",
                    "1",
                    "-cpu",
                    "max",
                    "-kernel",
                    kernel,
                    "-initrd",
                    image,
                    "-append",
                    # A machine that is busy gives the emulated timer no turn in time, which 6.1 takes for a fault.
                    "console=ttyS0 panic=-1 quiet no_timer_check",
                    "-display",
                    "none",
                    "-serial",
                    "stdio",
                    "-monitor",
                    "none",
                    "-no-reboot",
                    "-nic",
                    "none",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=600,
                check=False,
            )
            said = done.stdout[-3000:]
            good = "check: status 0" in said and "XDP: verified" in said and "tc: verified" in said
            failed |= not good
            shown = [line.strip() for line in said.splitlines() if "verified" in line]
            print(
                f"{'ok   ' if good else 'FAIL '} {suite}, Linux {version}: "
                f"{'; '.join(shown) if good else said + done.stderr}",
                flush=True,
            )
    sys.exit(1 if failed else 0)


main()
