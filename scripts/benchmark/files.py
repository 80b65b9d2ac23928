"""1 GiB up and down, and what nginx and `dd` make of the same bytes."""

import filecmp
import os
import subprocess
import time

import nginx

SIZE = 1 << 30


def create_source(directory):
    """Random bytes, in the cache."""
    path = f"{directory}/source"
    with open("/dev/urandom", "rb") as random, open(path, "wb") as source:
        for _ in range(SIZE >> 20):
            source.write(random.read(1 << 20))
    return path


def timed(command):
    os.sync()
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def curl(*arguments):
    return ["curl", "--silent", "--show-error", "--fail", *arguments]


def received(source, url, directory):
    """The seconds that a download to a file takes."""
    target = f"{directory}/received"
    seconds = timed(curl("--output", target, url))
    if not filecmp.cmp(source, target, shallow=False):
        raise SystemExit(f"other bytes came from {url} than went there")
    os.remove(target)
    return seconds


def raw(source, directory):
    """The seconds of a synced copy, of nginx's PUT, which syncs nothing, and of nginx's GET, which is `sendfile`."""
    target = f"{directory}/copied"
    copied = timed(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"])
    os.remove(target)
    with nginx.running(f"{directory}/nginx") as web:
        up = timed(curl("--upload-file", source, f"{web.url}/files/source"))
        down = received(source, f"{web.url}/files/source", directory)
        web.remove("source")
    return {"dd, synced": copied, "nginx PUT": up, "nginx GET": down}


def through(server, source, directory):
    """The seconds of an upload by a signed URL, one by form and a download; and the server's peak memory in MiB."""
    server.log_in()
    os.sync()
    began = time.monotonic()
    upload = server.call("POST", "/file", {"file_name": "signed.bin", "file_size_in_bytes": SIZE})
    part = upload["parts"][0]
    given = {name: value for name, value in part["headers"].items() if name.lower() != "content-length"}
    headers = [word for name, value in given.items() for word in ("--header", f"{name}: {value}")]
    subprocess.run(curl("--upload-file", source, *headers, "--output", os.devnull, part["url"]), check=True)
    file = server.call("POST", f"/upload/{upload['upload_id']}/complete", {})["id"]
    signed = time.monotonic() - began
    form = ["--header", f"Authorization: Bearer {server.token}", "--form", f"file=@{source};filename=form.bin"]
    formed = timed(curl(*form, f"{server.base}/file"))
    down = received(source, server.call("GET", f"/file/{file}")["download"]["url"], directory)
    return {"PUT, signed": signed, "form": formed, "GET, signed": down}, server.memory("VmHWM")
