"""Tests deploy/host/switch and deploy/host/rollout on this machine. Started by ../check.

Uses a real HAProxy with the shipped configuration, and mocks of the container engine, the server and ssh.
"""

import concurrent.futures
import contextlib
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from engine import CLIENT, Engine

HERE = pathlib.Path(__file__).resolve().parent
SWITCH, ROLLOUT, HAPROXY_CONFIG = HERE.parent / "switch", HERE.parent / "rollout", HERE.parent / "haproxy.cfg"

# Counts changing commands; KILL_AT and KILL_ON kill the switch, with its children, at one of them.
WRAPPER = """#!/usr/bin/env bash
{define}
input=
case "{name} $*" in
  docker\\ version | docker\\ *inspect* | docker\\ logs*) call "$@" && exit || exit ;;
  socat*)
    IFS= read -r input
    case "$input" in set*) ;; *) exec {program} "$@" <<<"$input" ;; esac
    ;;
esac
done="{name} $input $*"
printf '%s\\n' "$done" >>"$WORLD/changes"
call "$@" <<<"$input"
status=$?
mapfile -t changes <"$WORLD/changes"
if [ "${{#changes[@]}}" -eq "${{KILL_AT:--1}}" ]; then kill -KILL 0; fi
if [ -n "${{KILL_ON:-}}" ] && [[ "$done" == *"$KILL_ON"* ]]; then kill -KILL 0; fi
exit "$status"
"""

# The `ssh` of the scenarios: a host is a world, and its commands run here.
SSH = """#!/usr/bin/env bash
while [ "$1" != -- ]; do shift; done
if [ -e "$2/unreachable" ]; then exit 255; fi
WORLD=$2 CLOUDDRIVE_HOST_FILE=$2/host PATH="$2/bin:$PATH" exec bash -c "$3"
"""

CERTIFICATE = subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
     "/CN=drive.test", "-days", "2", "-keyout", "-"], check=True, capture_output=True, text=True).stdout

taken = set()
taking = threading.Lock()


def free_ports(count):
    """Ports below the ephemeral range, each with the one 1000 above."""
    found = []
    with taking:
        while len(found) < count:
            port = random.randrange(20000, 30000)
            with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as two:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1000))
                if not {port, port + 1000} & taken:
                    taken.update((port, port + 1000))
                    found.append(port)
    return found


class World:
    """A host."""

    def __init__(self, settings="DATABASE_URL=postgres://db/drive\nS3_BUCKET_NAME=drive\n", program=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="clouddrive-host."))
        self.blue, self.green, self.local, self.http, self.https = free_ports(5)
        (self.dir / "env").write_text(f"# The server's.\nDRAIN_SECONDS=0\nSHUTDOWN_SECONDS=5\n{settings}")
        self.socket = self.dir / "admin.sock"
        (self.dir / "host").write_text(
            f"ENGINE=docker ENV_FILE={self.dir}/env STATE={self.dir}/state POLL=0.1 READY_WAIT=10 DRAIN_WAIT=10 PROXY_WAIT=5\n"
            f"BLUE_PORT={self.blue} GREEN_PORT={self.green} PROXY_CONFIG={self.dir}/haproxy.cfg\n"
            f"PROXY_SOCKET={self.socket} PROXY_URL=http://127.0.0.1:{self.local}\n")
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        self.engine = Engine(self.dir, program)
        for name in ("docker", "socat", "mv"):
            program = shutil.which(name)
            define = CLIENT.format(port=self.engine.port) if name == "docker" else f'call() {{ {program} "$@"; }}'
            (self.bin / name).write_text(WRAPPER.format(name=name, program=program, define=define))
            (self.bin / name).chmod(0o755)
        self.configure()
        self.haproxy = None
        self.start_haproxy()

    def configure(self):
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.log.settimeout(5)
        certificate = self.dir / "site.pem"
        certificate.write_text(CERTIFICATE)
        text = HAPROXY_CONFIG.read_text()
        for what, instead in (
            (r"/dev/log", f"127.0.0.1:{self.log.getsockname()[1]}"),
            (r"^  chroot .*$", ""), (r"^  user .*$", ""), (r"^  group .*$", ""),
            (r"/run/haproxy/admin\.sock", str(self.socket)), (r"^  bind :80$", f"  bind 127.0.0.1:{self.http}"),
            (r"^  bind :443 ssl crt /etc/haproxy/certs/", f"  bind 127.0.0.1:{self.https} ssl crt {certificate}"),
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{self.local}"), (r"127\.0\.0\.1:8001", f"127.0.0.1:{self.blue}"),
            (r"127\.0\.0\.1:8002", f"127.0.0.1:{self.green}"),
            (r"inter 1s fastinter 500ms downinter 1s", "inter 200ms fastinter 100ms downinter 200ms"),
        ):
            text, times = re.subn(what, instead, text, flags=re.M)
            assert times == 1, f"{what} stands {times} times in haproxy.cfg"
        (self.dir / "haproxy.cfg").write_text(text)

    def start_haproxy(self):
        with open(self.dir / "haproxy.log", "a") as log:
            self.haproxy = subprocess.Popen(["haproxy", "-db", "-f", self.dir / "haproxy.cfg"], stdout=log, stderr=log)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.local)).close()
                return
            except OSError:
                assert self.haproxy.poll() is None and time.monotonic() < end, (self.dir / "haproxy.log").read_text()
                time.sleep(0.02)

    def stop_haproxy(self):
        self.haproxy.kill()
        self.haproxy.wait()

    def end(self):
        self.stop_haproxy()
        self.log.close()
        self.engine.end()
        shutil.rmtree(self.dir)

    def start(self, *options, **environment):
        environment = {
            **os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "WORLD": str(self.dir),
            "CLOUDDRIVE_HOST_FILE": str(self.dir / "host"), **environment}
        (self.dir / "changes").write_text("")
        # As sent by ssh.
        with open(SWITCH) as script:
            return subprocess.Popen(
                ["bash", "-s", "--", *options], env=environment, stdin=script, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def switch(self, *options, **environment):
        process = self.start(*options, **environment)
        try:
            self.said, _ = process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.said, _ = process.communicate()
            self.said += "\nIT DID NOT END"
        return process.returncode

    def changes(self):
        return (self.dir / "changes").read_text().splitlines()

    def containers(self):
        return sorted(self.engine.containers)

    def states(self):
        """HAProxy's state of blue and green."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(b"show stat\n")
            text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        rows = [line.split(",") for line in text.splitlines() if line.startswith("clouddrive,")]
        return {row[1]: row[17] for row in rows if row[1] in ("blue", "green")}

    def remembered(self):
        return dict(line.split("=", 1) for line in (self.dir / "state/state").read_text().splitlines())

    def get(self, path="/", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.local, timeout=10)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body, response.headers


class Load:
    """Continuous requests on persistent and new connections, with and without TLS and body.

    Each must get 200 or `allowed`."""

    def __init__(self, world, allowed=lambda status, headers: False, methods=("GET", "POST")):
        self.world, self.allowed = world, allowed
        self.failed, self.served, self.count, self.ending = [], set(), 0, threading.Event()
        ways = [("GET", True, False), ("GET", False, False), ("POST", True, False), ("GET", True, True), ("POST", False, True)]
        self.threads = [threading.Thread(target=self.send, args=way) for way in ways if way[0] in methods]

    def connect(self, tls):
        if not tls:
            return http.client.HTTPConnection("127.0.0.1", self.world.local, timeout=15)
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", self.world.https, timeout=15, context=context)

    def send(self, method, keep, tls):
        connection = None
        while not self.ending.is_set():
            path = "/wait/0.5" if random.random() < 0.05 else "/"
            try:
                # Connections announced to close are not reused; requests without a body may meet a closed one.
                if connection is None or not keep or connection.sock is None:
                    if connection is not None:
                        connection.close()
                    connection = self.connect(tls)
                body = b"x" * random.randrange(40000) if method == "POST" else None
                connection.request(method, path, body)
                response = connection.getresponse()
                text = response.read().decode()
                if response.status == 200:
                    self.served.add(text)
                elif not self.allowed(response.status, response.headers):
                    self.failed.append(f"{method} {path}: {response.status} {text}")
            except Exception as fault:
                self.failed.append(f"{method} {path}, kept: {keep}, TLS: {tls}: {fault!r}")
                connection.close()
                connection = None
            self.count += 1
            time.sleep(0.04)
        if connection is not None:
            connection.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        time.sleep(0.1)
        self.ending.set()
        for thread in self.threads:
            thread.join()


class Hosts(unittest.TestCase):
    def world(self, image="good:1", **more):
        world = World(**more)
        self.addCleanup(world.end)
        if image:
            self.assertEqual(world.switch("--image", image), 0, world.said)
        return world

    def serves(self, world, image, place):
        """Only the image's server runs, in that slot, and HAProxy does not disable the other slot."""
        self.assertEqual(world.containers(), [f"clouddrive-{place}"], world.said)
        self.assertEqual(world.get()[:2], (200, image), world.said)
        self.assertEqual(world.remembered()["current"], place, world.said)
        end = time.monotonic() + 5
        other = {"blue": "green", "green": "blue"}[place]
        while not (world.states()[place].startswith("UP") and world.states()[other].startswith("DOWN")):
            self.assertLess(time.monotonic(), end, f"{world.states()} {world.said}")
            time.sleep(0.05)
        self.assertEqual(world.engine.killed, [], "a server did not end in time")

    def untouched(self, world, code, image="good:1", place="blue"):
        self.assertEqual(code, 2, world.said)
        self.assertIn("nothing was changed", world.said)
        self.assertEqual([c for c in world.changes() if "pull" not in c], [])
        self.serves(world, image, place)

    def rolled_back(self, world, load, code, image="good:1", place="blue"):
        self.assertEqual((code, load.failed, load.served), (1, [], {image}), world.said)
        self.assertIn(f"rolled back: {place} runs as before", world.said)
        self.serves(world, image, place)

    def test_a_new_host(self):
        world = self.world(None)
        self.assertEqual(world.get()[0], 503)
        self.assertEqual(world.switch("--image", "good:1"), 0, world.said)
        self.serves(world, "good:1", "blue")

    def test_the_log_of_haproxy_has_no_query(self):
        world = self.world()
        self.assertEqual(world.get("/some/path?signature=secret")[0], 200)
        lines = []
        while not any("/some/path" in line for line in lines):
            lines.append(world.log.recv(65536).decode())
        self.assertIn("GET /some/path HTTP/1.1", lines[-1])
        self.assertNotIn("secret", "".join(lines))

    def test_a_new_host_with_a_bad_image(self):
        world = self.world(None)
        self.assertEqual(world.switch("--image", "crash:1"), 1, world.said)
        self.assertIn("blue has ended by itself", world.said)
        self.assertIn("it ends by itself", world.said)
        self.assertIn("rolled back: no server runs, as before", world.said)
        self.assertEqual(world.containers(), [])
        self.assertEqual(world.switch("--image", "good:1"), 0, world.said)
        self.serves(world, "good:1", "blue")

    def test_success(self):
        world = self.world()
        with Load(world) as load:
            self.assertEqual(world.switch("--image", "slow:2"), 0, world.said)
            self.serves(world, "slow:2", "green")
            self.assertEqual(world.switch("--image", "good:3"), 0, world.said)
            self.serves(world, "good:3", "blue")
            self.assertEqual(world.switch("--former"), 0, world.said)
            self.serves(world, "slow:2", "green")
        self.assertEqual((load.failed, load.served), ([], {"good:1", "slow:2", "good:3"}), world.said)
        self.assertGreater(load.count, 100)
        # Only what a rollback needs is kept.
        self.assertEqual(sorted(world.engine.images.values()), ["good:3", "slow:2"])

    def test_the_old_one_drains_after_it_was_told_to_stop(self):
        world = self.world(settings="DATABASE_URL=postgres://db/drive\nS3_BUCKET_NAME=drive\nDRAIN_SECONDS=1\n")
        with Load(world) as load:
            self.assertEqual(world.switch("--image", "good:2"), 0, world.said)
        self.assertEqual(load.failed, [], world.said)
        self.serves(world, "good:2", "green")

    def test_a_request_that_outlasts_the_drain(self):
        world = self.world()
        with open(world.dir / "host", "a") as host:
            host.write("DRAIN_WAIT=0\n")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            slow = pool.submit(world.get, f"/until/{world.dir}/end")
            time.sleep(0.3)
            switch = pool.submit(world.switch, "--image", "good:2")
            while not any("docker  stop" in change for change in world.changes()):
                time.sleep(0.05)
            time.sleep(0.3)
            (world.dir / "end").touch()
            self.assertEqual(switch.result(), 0, world.said)
            self.assertEqual(slow.result()[:2], (200, "good:1"))
        self.assertIn("blue still has 1 requests", world.said)
        self.serves(world, "good:2", "green")

    def test_the_same_again(self):
        world = self.world()
        self.assertEqual(world.switch("--image", "good:1"), 0, world.said)
        self.assertIn("good:1 runs already, in blue", world.said)
        self.serves(world, "good:1", "blue")
        with open(world.dir / "env", "a") as env:
            env.write("LOG=1\n")
        self.assertEqual(world.switch("--image", "good:1"), 0, world.said)
        self.serves(world, "good:1", "green")
        self.assertEqual(world.switch("--former"), 0, world.said)
        self.assertIn("runs already", world.said)

    def test_never_ready(self):
        world = self.world()
        with open(world.dir / "host", "a") as host:
            host.write("READY_WAIT=1\n")
        with Load(world) as load:
            code = world.switch("--image", "never:2")
        self.assertIn("green is not ready after 1 s", world.said)
        self.rolled_back(world, load, code)

    def test_it_ends_by_itself(self):
        world = self.world()
        with Load(world) as load:
            code = world.switch("--image", "crash:2")
        self.assertIn("it ends by itself", world.said)
        self.rolled_back(world, load, code)

    def test_the_first_requests_fail(self):
        world = self.world()
        with Load(world) as load:
            code = world.switch("--image", "shy:2")
        self.assertIn("through HAProxy, to green: 500", world.said)
        self.rolled_back(world, load, code)

    def test_a_signal(self):
        world = self.world()
        with Load(world) as load:
            process = world.start("--image", "never:2")
            while "clouddrive-green" not in world.containers():
                time.sleep(0.02)
            time.sleep(0.2)
            process.terminate()
            world.said, _ = process.communicate(timeout=20)
        self.rolled_back(world, load, process.returncode)

    def test_the_one_that_listens_goes_away(self):
        # As when ssh loses its connection: the output is no longer read.
        world = self.world()
        process = world.start("--image", "slow:2")
        while "clouddrive-green" not in world.containers():
            time.sleep(0.02)
        process.stdout.close()
        os.kill(process.pid, signal.SIGHUP)
        self.assertEqual(process.wait(timeout=20), 0)
        world.said = ""
        self.serves(world, "slow:2", "green")

    def cut_off_after(self, first, *pause, **more):
        """Kills a switch after its first or second change, and every second one after that, and runs it again."""
        world = self.world(None, **more)
        for image in (1, 2, 3):
            self.assertEqual(world.switch("--image", f"good:{image}", *pause), 0, world.said)
        steps = len(world.changes())
        self.assertGreater(steps, 10)
        with Load(world, lambda status, _: pause and status == 503, methods=("GET",) if pause else ("GET", "POST")) as load:
            for step in range(first, steps + 1, 2):
                image = f"good:{step + 3}"
                self.assertEqual(world.switch("--image", image, *pause, KILL_AT=str(step)), -signal.SIGKILL, world.said)
                at = world.changes()[-1]
                time.sleep(0.2)
                self.assertEqual(world.switch("--image", image, *pause), 0, f"after {at}: {world.said}")
                self.serves(world, image, world.remembered()["current"])
                self.assertEqual(load.failed, [], f"after {at}: {world.said}")

    def test_cut_off_after_odd_steps(self):
        self.cut_off_after(1)

    def test_cut_off_after_even_steps(self):
        self.cut_off_after(2)

    def test_a_pause_cut_off_after_odd_steps(self):
        self.cut_off_after(1, "--pause", settings="")

    def test_a_pause_cut_off_after_even_steps(self):
        self.cut_off_after(2, "--pause", settings="")

    def test_cut_off_and_the_place_that_was_taken_is_gone(self):
        world = self.world()
        code = world.switch("--image", "good:2", KILL_ON="set server clouddrive/green state ready")
        self.assertEqual(code, -signal.SIGKILL, world.said)
        # The rerun drains the old slot, whose server then dies.
        self.assertEqual(world.switch("--image", "good:2", KILL_ON="set server clouddrive/blue state drain"), -signal.SIGKILL)
        self.assertEqual(world.containers(), ["clouddrive-blue", "clouddrive-green"])
        world.engine.containers["clouddrive-blue"]["process"].kill()
        with Load(world) as load:
            self.assertEqual(world.switch("--image", "good:2"), 0, world.said)
        self.assertEqual(load.failed, [], world.said)
        self.assertIn("green it is", world.said)
        self.serves(world, "good:2", "green")

    def test_haproxy_restarts_midway(self):
        # A restart loses runtime state; health checks decide.
        world = self.world()
        code = world.switch("--image", "good:2", KILL_ON="set server clouddrive/blue state drain")
        self.assertEqual(code, -signal.SIGKILL, world.said)
        world.stop_haproxy()
        world.start_haproxy()
        with Load(world) as load:
            self.assertEqual(world.switch("--image", "good:2"), 0, world.said)
        self.assertEqual(load.failed, [], world.said)
        self.serves(world, "good:2", "green")

    def test_haproxy_is_gone_midway(self):
        world = self.world()
        process = world.start("--image", "slow:2")
        while "clouddrive-green" not in world.containers():
            time.sleep(0.02)
        world.stop_haproxy()
        world.said, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, world.said)
        self.assertIn("a person must look", world.said)
        self.assertEqual(world.containers(), ["clouddrive-blue"])
        world.start_haproxy()
        self.serves(world, "good:1", "blue")

    def test_what_is_refused(self):
        world = self.world()
        config = (world.dir / "haproxy.cfg").read_text()

        def refused(why, *options):
            with self.subTest(why):
                code = world.switch(*(options or ("--image", "good:2")))
                self.assertIn(why, world.said)
                self.untouched(world, code)

        for broken in (config + "\nnonsense\n", config.replace(f":{world.green}", ":99999")):
            (world.dir / "haproxy.cfg").write_text(broken)
            refused("HAProxy would not start again with")
        (world.dir / "haproxy.cfg").write_text(config)
        refused("good:none could not be pulled", "--image", "good:none")
        refused("there is no image good:2 here", "--image", "good:2", "--local")
        refused("there is no former image", "--former")
        refused("not the name of an image", "--image", "a;b")
        (world.dir / "env").rename(world.dir / "gone")
        refused("cannot be read")
        (world.dir / "gone").rename(world.dir / "env")
        world.socket.rename(world.dir / "elsewhere")
        code = world.switch("--image", "good:2")
        self.assertIn("HAProxy does not answer on", world.said)
        (world.dir / "elsewhere").rename(world.socket)
        self.untouched(world, code)
        for options in ((), ("--image",), ("--now",), ("--former", "--image", "good:2")):
            self.assertEqual(world.switch(*options), 2)
            self.assertIn("usage:", world.said)

    def test_two_at_once(self):
        world = self.world()
        first = world.start("--image", "slow:2")
        while "clouddrive-green" not in world.containers():
            time.sleep(0.02)
        code = world.switch("--image", "good:3")
        self.assertEqual(code, 2, world.said)
        self.assertIn("another switch is under way", world.said)
        self.assertEqual(first.wait(timeout=20), 0)
        first.stdout.close()
        self.serves(world, "slow:2", "green")

    def test_a_dry_run(self):
        world = self.world()
        for options in (("--image", "good:2"), ("--image", "good:2", "--pause")):
            self.assertEqual(world.switch(*options, "--dry-run"), 0, world.said)
            self.assertEqual(world.changes(), [])
            self.assertIn("would start good:2 in green", world.said)
            self.serves(world, "good:1", "blue")

    def test_one_server_at_a_time(self):
        for settings in ("", "DATABASE_URL=sqlite:/data/drive.db\nS3_BUCKET_NAME=drive\n", "DATABASE_URL=postgres://db/drive\n",
                         "ENVIRONMENT=production\nAWS_SECRET_NAME=none\nS3_BUCKET_NAME=drive\n"):
            with self.subTest(settings):
                world = self.world(None, settings=settings)
                self.assertEqual(world.switch("--image", "good:1"), 2, world.said)
                self.assertIn("one server at a time", world.said)
        self.assertEqual(world.switch("--image", "good:1", "--pause"), 0, world.said)
        self.serves(world, "good:1", "blue")
        container = world.engine.containers["clouddrive-blue"]
        self.assertEqual((container["volumes"], container["environment"]["DRAIN_SECONDS"]), (["clouddrive:/data"], "0"))
        at_once = []

        def pause(status, headers):
            at_once.append(len(world.containers()))
            return status == 503 and headers["Retry-After"] == "5" and headers["Content-Type"] == "application/problem+json"

        # An unwanted body is cut off with its connection; requests without one get the reason.
        with Load(world, pause, methods=("GET",)) as load:
            self.assertEqual(world.switch("--image", "slow:2", "--pause"), 0, world.said)
        self.assertEqual((load.failed, load.served), ([], {"good:1", "slow:2"}))
        self.assertGreater(len(at_once), 0, "there was no pause")
        self.serves(world, "slow:2", "green")
        # Stopped but not removed: this one is started again.
        self.assertEqual(world.switch("--image", "crash:3", "--pause"), 1, world.said)
        self.serves(world, "slow:2", "green")

    def test_shared_by_the_secret_or_by_parts(self):
        for settings in ("ENVIRONMENT=production\n", "DATABASE=drive\nBUCKET_NAME=drive\n"):
            with self.subTest(settings):
                world = self.world(settings=settings)
                self.assertEqual(world.switch("--image", "good:2"), 0, world.said)

    def rollout(self, *options):
        directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        for name, text in (("ssh", SSH), ("sudo", '#!/usr/bin/env bash\nshift\nexec "$@"\n')):
            (directory / name).write_text(text)
            (directory / name).chmod(0o755)
        path = f"{directory}:{os.environ['PATH']}"
        done = subprocess.run([ROLLOUT, *map(str, options)], env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    def test_hosts(self):
        one, two = self.world(), self.world()
        code, said = self.rollout(one.dir, two.dir, "--image", "good:2", "--dry-run")
        self.assertEqual(code, 0, said)
        self.assertIn(f"{two.dir}: ", said)
        for world in (one, two):
            self.serves(world, "good:1", "blue")
        with Load(one) as first, Load(two) as second:
            code, said = self.rollout(one.dir, two.dir, "--image", "good:2")
        self.assertEqual((code, first.failed, second.failed), (0, [], []), said)
        for world in (one, two):
            self.serves(world, "good:2", "green")
        # The second host fails.
        (two.dir / "host").write_text((two.dir / "host").read_text() + "READY_WAIT=0\n")
        code, said = self.rollout(one.dir, two.dir, "--image", "slow:3")
        self.assertEqual(code, 1, said)
        self.serves(one, "slow:3", "blue")
        self.serves(two, "good:2", "green")
        self.assertIn(f"to go back: deploy/host/rollout {one.dir} --former", said)
        # The first host fails: the second is not touched.
        changes = two.changes()
        code, said = self.rollout(one.dir, two.dir, "--image", "crash:4")
        self.assertEqual((code, two.changes()), (1, changes), said)
        self.serves(one, "slow:3", "blue")
        # One host fails its check: no host is touched.
        (two.dir / "unreachable").touch()
        changes = one.changes()
        code, said = self.rollout(one.dir, two.dir, "--image", "good:5")
        self.assertEqual((code, one.changes()), (2, changes), said)
        self.assertIn("nothing was changed anywhere", said)

    def test_wrong_usage_of_rollout(self):
        for options in ((), ("host",), ("--image", "good:1"), ("host", "--image"), ("host", "--image", "a", "--former"),
                        ("host", "--now"), ("host", "--image", "a;b")):
            with self.subTest(options):
                self.assertEqual(self.rollout(*options)[0], 2)


def main():
    """Runs the scenarios concurrently: they mostly wait."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:] or ["Hosts"], sys.modules["__main__"])

    def run(test):
        result, began = unittest.TestResult(), time.monotonic()
        test.run(result)
        bad = result.errors + result.failures
        print(f"{'FAIL' if bad else 'ok  '} {time.monotonic() - began:5.1f} s  {test.id()}", flush=True)
        for _, text in bad:
            print(text, flush=True)
        return not bad

    def flat(tests):
        for test in tests:
            if isinstance(test, unittest.TestCase):
                yield test
            else:
                yield from flat(test)

    # The longest first.
    tests = sorted(flat(suite), key=lambda test: "cut_off" not in test.id())
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        good = list(pool.map(run, tests))
    print(f"{sum(good)} of {len(good)} scenarios went as they should")
    sys.exit(0 if good and all(good) else 1)


if __name__ == "__main__":
    main()
