"""What the pages of docs/bench/ are made of."""


def machine_lines(data):
    machine = data["machine"]
    sha = "with" if machine["sha_extensions"] else "without"
    return (
        f"**Machine:** {machine['cpu']}{' (virtual)' if machine['virtual'] else ''}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {sha} SHA extensions; "
        f"{machine['system']}, kernel {machine['kernel']}; {machine['cc']}; {machine['rustc']}. "
        f"Load {machine['load_before']:.1f} before and {machine['load_after']:.1f} after the run. "
        f"Commit {machine['commit']}, {data['date']}."
    )


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "|".join(" --- " for _ in head) + "|"]
    out += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(out) + "\n"


def spread(value, digits=0):
    return f"{value['median']:,.{digits}f} ({value['low']:,.{digits}f}-{value['high']:,.{digits}f})"


def ratio(value):
    return f"{value['median']:.2f} ({value['low']:.2f}-{value['high']:.2f})"
