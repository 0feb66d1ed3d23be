"""Which machine, which compilers, which commit: what a figure is worth nothing without."""

import os
import platform
import subprocess


def first_line(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return out.splitlines()[0] if out else "unknown"


def cpuinfo(key):
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def debian():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def describe(root):
    flags = set(cpuinfo("flags").split())
    dirty = first_line(["git", "-C", root, "status", "--porcelain", "--", "src"]) != "unknown"
    return {
        "cpu": cpuinfo("model name") or platform.machine(),
        "cores": os.cpu_count(),
        "sha_extensions": "sha_ni" in flags or "sha2" in cpuinfo("Features").split(),
        "virtual": "hypervisor" in flags,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "system": debian(),
        "cc": first_line(["cc", "--version"]),
        "rustc": first_line(["rustc", "--version"]),
        "commit": first_line(["git", "-C", root, "rev-parse", "--short", "HEAD"]) + (" and changes" if dirty else ""),
        "load_before": os.getloadavg()[0],
    }
