"""Tests of deploy/rollout. Started by deploy/rollout-check."""

import gzip
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest

import botocore
import jmespath
from awscli.text import format_text
from botocore import xform_name

ROLLOUT = pathlib.Path(__file__).resolve().parent.parent / "rollout"
GROUP, PARAMETER = "drive", "/clouddrive/drive/image"
TARGETS = [f"arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/drive/{n}" for n in (1, 2)]
OLD, NEW = "example/clouddrive@sha256:" + "0" * 64, "example/clouddrive@sha256:" + "1" * 64
PREFERENCES = {
    "MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "SkipMatching": False, "InstanceWarmup": 180,
    "ScaleInProtectedInstances": "Refresh", "StandbyInstances": "Ignore"}
CHANGES = ("put-parameter", "start-instance-refresh", "cancel-instance-refresh", "set-instance-protection")

# The `aws`, `sleep` and `date` of the scenarios: each passes its arguments to the test and prints its response.
CLIENT = r"""#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/$FAKE_PORT"
set -- "${0##*/}" "$@"
printf '%s\0' "$#" "$@" >&3
IFS= read -r status <&3
if [ "$status" -eq 0 ]; then while IFS= read -r line; do printf '%s\n' "$line"; done <&3
else while IFS= read -r line; do printf '%s\n' "$line" >&2; done <&3; fi
exit "$status"
"""


class Refused(Exception):
    """An error response of AWS."""


def model(service, version):
    path = pathlib.Path(botocore.__file__).parent / "data" / service / version / "service-2.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))


MODELS = {"autoscaling": model("autoscaling", "2011-01-01"), "elbv2": model("elbv2", "2015-12-01"),
          "ssm": model("ssm", "2014-11-06")}


def conforms(shapes, name, value, where):
    """Fails unless the value matches the shape in AWS's model."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        assert isinstance(value, dict), f"{where} is no structure"
        for key in shape.get("required", []):
            assert key in value, f"{where} lacks {key}"
        for key, inner in value.items():
            assert key in shape["members"], f"{where} has no {key}"
            conforms(shapes, shape["members"][key]["shape"], inner, f"{where}.{key}")
    elif kind == "list":
        assert isinstance(value, list), f"{where} is no list"
        for inner in value:
            conforms(shapes, shape["member"]["shape"], inner, f"{where}[]")
    elif kind in ("string", "timestamp"):
        assert isinstance(value, str), f"{where} is no text"
        assert value in shape.get("enum", [value]), f"{where} may not be {value}"
    elif kind == "boolean":
        assert isinstance(value, bool), f"{where} is no boolean"
    elif kind in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), f"{where} is no number"
        assert shape.get("min", value) <= value <= shape.get("max", value), f"{where} may not be {value}"
    else:
        raise AssertionError(f"{where} is a {kind}: teach this check")


class Aws:
    """A group of instances, its load balancer and its parameter, with a clock that advances on `sleep`."""

    def __init__(self):
        self.image = OLD
        self.now = 1_000_000
        self.instances = [{"id": f"i-old{n}", "image": OLD, "state": "InService", "since": 0, "protected": False}
                          for n in (1, 2)]
        self.refreshes = []
        self.calls = []
        self.faults = []
        self.made = 0
        self.suspended = []
        self.targets = TARGETS
        # Set by scenarios: whether an image gets healthy, what ends a refresh early, what happens before a call.
        self.healthy = lambda image: True
        self.boots = lambda instance: True
        self.sees = lambda target, image: self.healthy(image)
        self.serves = lambda instance: self.healthy(instance["image"])
        self.breaks = lambda refresh, seconds: None
        self.before = lambda operation: None

    def run(self, arguments):
        """The result of a command: exit code and text."""
        program, *arguments = arguments
        if program == "sleep":
            self.now += int(arguments[0])
            self.step()
            return 0, ""
        if program == "date":
            return 0, time.strftime(arguments[0].removeprefix("+"), time.gmtime(self.now)) + "\n"
        try:
            service, command, *rest = arguments
            operation, options = self.parse(service, command, rest)
            self.calls.append((command, options))
            self.before(command)
            serving = [i for i in self.instances if i["state"] == "InService" and self.serves(i)]
            assert len(serving) >= 2, "fewer instances serve than should"
            answer = getattr(self, command.replace("-", "_"))(**options["input"])
            shapes = MODELS[service]["shapes"]
            conforms(shapes, operation["output"]["shape"], answer, command)
            if options["query"]:
                answer = jmespath.search(options["query"], answer)
            out = io.StringIO()
            if answer is not None or options["query"]:
                format_text("None" if answer is None else answer, out)
            return 0, out.getvalue()
        except Refused as refusal:
            return 254, f"\nAn error occurred ({refusal}) when calling the operation: …\n"
        except Exception as fault:  # the call itself is wrong: the test fails for it
            self.faults.append(f"{arguments}: {fault!r}")
            return 252, f"{fault!r}\n"

    def parse(self, service, command, rest):
        operations = MODELS[service]["operations"]
        name = next(name for name in operations if xform_name(name, "-") == command)
        shapes = MODELS[service]["shapes"]
        shape = shapes[operations[name]["input"]["shape"]]
        members = {"--" + xform_name(member, "-"): member for member in shape["members"]}
        given, query, formatted, index = {}, None, False, 0
        while index < len(rest):
            option = rest[index]
            flag = option.replace("--no-", "--")
            if flag in members and shapes[shape["members"][members[flag]]["shape"]]["type"] == "boolean":
                given[members[flag]] = flag == option
                index += 1
                continue
            value = rest[index + 1]
            index += 2
            if option in members and shapes[shape["members"][members[option]]["shape"]]["type"] == "list":
                given[members[option]] = [value]
                while index < len(rest) and not rest[index].startswith("--"):
                    given[members[option]].append(rest[index])
                    index += 1
                continue
            if option == "--query":
                query = value
            elif option == "--output":
                assert value == "text"
                formatted = True
            elif option in ("--cli-connect-timeout", "--cli-read-timeout"):
                assert int(value) > 0
            else:
                kind = shapes[shape["members"][members[option]]["shape"]]["type"]
                given[members[option]] = json.loads(value) if kind == "structure" else value
        assert formatted, "the format of the output is left to the configuration of the caller"
        conforms(shapes, operations[name]["input"]["shape"], given, command)
        return operations[name], {"input": given, "query": query}

    def put_parameter(self, Name, Value, Type, Overwrite):
        assert (Name, Type, Overwrite) == (PARAMETER, "String", True)
        self.image = Value
        return {"Version": 2}

    def get_parameter(self, Name):
        if Name != PARAMETER:
            raise Refused("ParameterNotFound")
        return {"Parameter": {"Name": Name, "Value": self.image, "Version": 1}}

    def describe_auto_scaling_groups(self, AutoScalingGroupNames):
        if AutoScalingGroupNames != [GROUP]:
            return {"AutoScalingGroups": []}
        instances = [
            {"InstanceId": i["id"], "LifecycleState": i["state"], "HealthStatus": "Healthy", "AvailabilityZone": "a",
             "ProtectedFromScaleIn": i["protected"]}
            for i in self.instances
        ]
        return {"AutoScalingGroups": [
            {"AutoScalingGroupName": GROUP, "MinSize": 2, "MaxSize": 4, "DesiredCapacity": 2, "DefaultCooldown": 0,
             "AvailabilityZones": ["a", "b"], "HealthCheckType": "EC2", "CreatedTime": "", "Instances": instances,
             "SuspendedProcesses": [{"ProcessName": name, "SuspensionReason": ""} for name in self.suspended],
             "TargetGroupARNs": self.targets}]}

    def describe_target_health(self, TargetGroupArn):
        # One target group is slower than the other.
        patience = 45 if TargetGroupArn == TARGETS[0] else 60
        assert TargetGroupArn in self.targets
        states = []
        for instance in self.instances:
            served = self.now - instance["since"]
            good = "healthy" if self.sees(TargetGroupArn, instance["image"]) else "unhealthy"
            state = "draining" if instance["state"] != "InService" else "initial" if served < patience else good
            states.append({"Target": {"Id": instance["id"], "Port": 8000}, "TargetHealth": {"State": state}})
        return {"TargetHealthDescriptions": states}

    def describe_instance_refreshes(self, AutoScalingGroupName, InstanceRefreshIds=None):
        found = [r for r in reversed(self.refreshes) if not InstanceRefreshIds or r["id"] in InstanceRefreshIds]
        return {"InstanceRefreshes": [
            {"InstanceRefreshId": r["id"], "AutoScalingGroupName": GROUP, "Status": r["status"],
             **({"PercentageComplete": r["percent"]} if r["percent"] is not None else {}),
             **({"StatusReason": r["reason"]} if r["reason"] else {})}
            for r in found]}

    def start_instance_refresh(self, AutoScalingGroupName, Strategy, Preferences):
        assert AutoScalingGroupName == GROUP and Strategy == "Rolling"
        assert Preferences["MaxHealthyPercentage"] - Preferences["MinHealthyPercentage"] <= 100
        if self.active():
            raise Refused("InstanceRefreshInProgress")
        self.refreshes.append({"id": f"refresh-{len(self.refreshes) + 1}", "status": "Pending",
                               "began": self.now, "warmup": Preferences["InstanceWarmup"], "percent": None, "reason": "",
                               "old": [i["id"] for i in self.instances], "new": []})
        return {"InstanceRefreshId": self.refreshes[-1]["id"]}

    def cancel_instance_refresh(self, AutoScalingGroupName):
        if not self.active():
            raise Refused("ActiveInstanceRefreshNotFound")
        self.active()["status"] = "Cancelling"
        return {"InstanceRefreshId": self.active()["id"]}

    def set_instance_protection(self, AutoScalingGroupName, InstanceIds, ProtectedFromScaleIn):
        assert AutoScalingGroupName == GROUP and InstanceIds and len(InstanceIds) <= 50
        for instance in self.instances:
            if instance["id"] in InstanceIds:
                instance["protected"] = ProtectedFromScaleIn
        return {}

    def active(self):
        return next((r for r in self.refreshes if r["status"] in ("Pending", "InProgress", "Cancelling")), None)

    def launch(self, refresh):
        self.made += 1
        refresh["new"].append(f"i-new{self.made}")
        self.instances.append({"id": f"i-new{self.made}", "image": self.image, "state": "Pending:Wait",
                               "since": self.now, "protected": False})

    def step(self):
        for instance in self.instances:
            if instance["state"] == "Pending:Wait" and self.now - instance["since"] >= 60:
                instance.update(state="InService" if self.boots(instance) else "Terminating", since=self.now)
        gone = [i for i in self.instances if i["state"] == "Terminating"]
        self.instances = [i for i in self.instances if i["state"] != "Terminating"]
        refresh = self.active()
        for instance in gone:
            if refresh and instance["id"] in refresh["new"]:
                refresh["new"].remove(instance["id"])
                self.launch(refresh)
        if refresh is None:
            # Excess instances are terminated, oldest first: the worst case.
            spare = [i for i in self.instances if not i["protected"]]
            for instance in spare[:max(0, len(self.instances) - 2)]:
                instance["state"] = "Terminating"
            return
        if refresh["status"] == "Cancelling":
            refresh["status"] = "Cancelled"
            return
        broken = self.breaks(self.refreshes.index(refresh) + 1, self.now - refresh["began"])
        old = [i for i in self.instances if i["id"] in refresh["old"]]
        new = [i for i in self.instances if i["id"] in refresh["new"]]
        if broken == "stuck":
            refresh.update(status="InProgress", percent=0)
        elif broken:
            refresh.update(status="Failed", reason=broken)
        elif not new:
            refresh.update(status="InProgress", percent=0)
            self.launch(refresh)
            self.launch(refresh)
        elif any(i["state"] != "InService" or self.now - i["since"] < refresh["warmup"] for i in new):
            pass
        # The warm-up is over. The group only requires EC2's own health check to pass.
        elif refresh["percent"] == 0:
            refresh["percent"] = 50
            old[0]["state"] = "Terminating"
        elif old:
            for instance in old:
                instance["state"] = "Terminating"
        else:
            refresh.update(status="Successful", percent=100)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        def word():
            text = b""
            while (byte := self.rfile.read(1)) not in (b"\0", b""):
                text += byte
            return text.decode()

        arguments = [word() for _ in range(int(word()))]
        with self.server.lock:
            status, text = self.server.aws.run(arguments)
        self.wfile.write(f"{status}\n{text}".encode())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    lock = threading.Lock()


class Rollout(unittest.TestCase):
    def setUp(self):
        # Background shells and their children ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.aws = Aws()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.aws = self.aws
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.bin = pathlib.Path(tempfile.mkdtemp())
        # The PATH has only the programs that the script declares.
        for name in ("bash", "env", "cat", "mktemp", "rm"):
            os.symlink(shutil.which(name), self.bin / name)
        for name in ("aws", "sleep", "date"):
            self.program(name, CLIENT)

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.bin)

    def program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(self, *options, image=NEW):
        environment = {"PATH": str(self.bin), "FAKE_PORT": str(self.server.server_address[1])}
        command = [ROLLOUT, "--group", GROUP, "--image", image, "--poll", "30", *options]
        # A separate process group, so that a signal reaches all of it, like Ctrl-C.
        return subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)

    def finish(self, process):
        try:
            self.said, _ = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.said, _ = process.communicate()
            self.fail(f"it did not end:\n{self.said}")
        self.assertEqual(self.aws.faults, [], self.said)
        return process.returncode

    def roll(self, *options, **more):
        return self.finish(self.start(*options, **more))

    def changes(self):
        """The changing calls in order, each with its image, if any."""
        return [(call, given["input"]["Value"]) if call == "put-parameter" else call
                for call, given in self.aws.calls if call in CHANGES[:3]]

    def protections(self):
        return [(given["input"]["ProtectedFromScaleIn"], given["input"]["InstanceIds"])
                for call, given in self.aws.calls if call == CHANGES[3]]

    def images(self):
        return [instance["image"] for instance in self.aws.instances if instance["state"] == "InService"]

    def assert_as_before(self, code):
        self.assertEqual(code, 2, self.said)
        self.assertIn("nothing was changed", self.said)
        self.assertEqual((self.changes(), self.protections(), self.aws.image), ([], [], OLD))

    def assert_rolled_back(self, code, changes, instances=2):
        self.assertEqual(code, 1, self.said)
        self.assertEqual(self.changes(), changes, self.said)
        self.assertEqual((self.aws.image, self.images()), (OLD, [OLD] * instances), self.said)
        self.assertIn("rolled back", self.said)
        self.assertEqual([i["id"] for i in self.aws.instances if i["protected"]], [], self.said)

    def test_success(self):
        self.assertEqual(self.roll(), 0, self.said)
        self.assertEqual(self.changes(), [("put-parameter", NEW), "start-instance-refresh"])
        self.assertEqual((self.aws.image, self.images()), (NEW, [NEW, NEW]))
        # Before anything else, so that an interruption leaves the serving instances.
        self.assertEqual([call for call, _ in self.aws.calls if call in CHANGES][0], "set-instance-protection")
        self.assertEqual(self.protections(), [(True, ["i-old1", "i-old2"])])
        preferences = next(given["input"]["Preferences"] for call, given in self.aws.calls if call == CHANGES[1])
        self.assertEqual(preferences, PREFERENCES)
        for line in ("InProgress, 0 % done; healthy: 2 of 2", "healthy: 2 of 4", "InProgress, 50 % done", "Successful, 100 %",
                     "rolled out: "):
            self.assertIn(line, self.said)
        self.assertIn("not checked: there is neither skopeo nor docker", self.said)

    def test_the_same_image_again(self):
        self.assertEqual(self.roll(image=OLD), 0, self.said)
        self.assertEqual(self.changes(), [("put-parameter", OLD), "start-instance-refresh"])
        self.assertEqual([i["id"] for i in self.aws.instances], ["i-new1", "i-new2"])

    def test_done_before_all_are_healthy(self):
        # The database is unavailable as the refresh ends: the rollout is done only when all are healthy.
        self.aws.healthy = lambda image: not 300 < self.aws.now - 1_000_000 < 400
        self.aws.serves = lambda instance: True
        self.assertEqual(self.roll(), 0, self.said)
        self.assertIn("Successful, 100 % done; healthy: 0 of 2", self.said)
        self.assertGreater(self.aws.now, 1_000_400)

    def test_not_healthy_at_the_end(self):
        self.aws.healthy = lambda image: image == OLD or self.aws.now - 1_000_000 < 300
        self.aws.serves = lambda instance: True
        self.assert_rolled_back(self.roll(), [("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD),
                                              "start-instance-refresh"])

    def test_a_refresh_fails_midway(self):
        self.aws.breaks = lambda refresh, seconds: "EC2 has no room" if refresh == 1 and seconds > 300 else None
        self.assert_rolled_back(self.roll(), [("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD),
                                              "start-instance-refresh"])
        self.assertIn("the refresh ended as Failed: EC2 has no room", self.said)

    def test_a_refresh_fails_before_it_replaced_anything(self):
        self.aws.breaks = lambda refresh, seconds: "EC2 has no room"
        self.assert_rolled_back(self.roll(), [("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD)])
        self.assertEqual([i["id"] for i in self.aws.instances], ["i-old1", "i-old2"])
        self.assertEqual(self.protections(), [(True, ["i-old1", "i-old2"]), (False, ["i-old1", "i-old2"])])

    def test_a_person_had_protected_one(self):
        self.aws.instances[0]["protected"] = True
        self.aws.breaks = lambda refresh, seconds: "EC2 has no room"
        self.assertEqual(self.roll(), 1, self.said)
        self.assertEqual(self.protections(), [(True, ["i-old2"]), (False, ["i-old2"])])

    def test_instances_may_not_be_protected(self):
        self.refuse("set-instance-protection")
        self.assertEqual((self.roll(), self.changes()), (2, []), self.said)
        self.assertIn("nothing was changed", self.said)

    def test_many_instances(self):
        for n in range(3, 121):
            self.aws.instances.append({**self.aws.instances[0], "id": f"i-old{n}"})
        self.aws.breaks = lambda refresh, seconds: "EC2 has no room"
        self.assertEqual(self.roll(), 1, self.said)
        self.assertEqual([len(ids) for _, ids in self.protections()], [50, 50, 20] * 2)

    def test_the_new_one_is_never_healthy(self):
        self.aws.healthy = lambda image: image == OLD
        self.assert_rolled_back(self.roll(), [
            ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
            "start-instance-refresh"])
        self.assertRegex(self.said, "in service for 120 s and not healthy: i-new1")

    def test_the_new_one_gives_up_as_it_boots(self):
        self.aws.boots = lambda instance: instance["image"] == OLD
        self.assert_rolled_back(self.roll(), [
            ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
            "start-instance-refresh"])
        self.assertIn("these booted and gave up: i-new1 i-new2", self.said)
        self.assertLess(self.aws.now, 1_000_700)

    def test_one_instance_has_bad_luck(self):
        self.aws.boots = lambda instance: instance["id"] != "i-new1"
        self.assertEqual(self.roll(), 0, self.said)
        self.assertEqual(self.images(), [NEW, NEW])

    def test_one_target_group_never_holds_it_healthy(self):
        for target in TARGETS:
            with self.subTest(target):
                self.aws.__init__()
                self.aws.sees = lambda arn, image: image == OLD or arn != target
                self.assert_rolled_back(self.roll(), [
                    ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
                    "start-instance-refresh"])

    def test_it_takes_too_long(self):
        self.aws.breaks = lambda refresh, seconds: "stuck" if refresh == 1 and seconds > 70 else None
        self.assert_rolled_back(self.roll("--timeout", "600"), [
            ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
            "start-instance-refresh"])
        self.assertIn("not done within 600 s", self.said)

    def interrupted(self, *moments):
        """Sends Ctrl-C the given time after the given number of refreshes have begun."""
        waiting = list(moments)
        process = self.start()

        def press(command):
            if not self.aws.refreshes or not waiting:
                return
            refresh, seconds = waiting[0]
            if len(self.aws.refreshes) == refresh and self.aws.now - self.aws.refreshes[-1]["began"] >= seconds:
                waiting.pop(0)
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.1)

        self.aws.before = press
        code = self.finish(process)
        self.assertEqual(waiting, [], self.said)
        return code

    def test_ctrl_c_midway(self):
        self.assert_rolled_back(self.interrupted((1, 100)), [
            ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
            "start-instance-refresh"])
        self.assertIn("stopped by hand", self.said)

    def interrupted_at(self, call):
        process = self.start()
        pressed = []

        def press(command):
            if command == call and not pressed:
                pressed.append(command)
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.1)

        self.aws.before = press
        return self.finish(process)

    def test_ctrl_c_in_each_call_that_changes_something(self):
        for call in CHANGES[:2]:
            with self.subTest(call):
                self.aws.__init__()
                # The response must not be lost: otherwise the refresh would not be cancelled.
                self.assert_rolled_back(self.interrupted_at(call), [
                    ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh"])

    def test_ctrl_c_before_anything_was_changed(self):
        self.assert_as_before(self.interrupted_at("describe-target-health"))

    def test_ctrl_c_twice(self):
        self.assertEqual(self.interrupted((1, 100), (2, 100)), 3, self.said)
        self.assertEqual(self.aws.image, OLD)
        self.assertIn("aws autoscaling start-instance-refresh", self.said)

    def test_rolling_back_fails(self):
        self.aws.breaks = lambda refresh, seconds: "EC2 has no room" if seconds > 300 else None
        self.assertEqual(self.roll(), 3, self.said)
        self.assertEqual(self.aws.image, OLD)
        self.assertIn("rolling back failed: the refresh ended as Failed: EC2 has no room", self.said)
        self.assertIn(f"--value {OLD}", self.said)

    def test_the_former_image_is_no_good_either(self):
        # The database may be unavailable. Continuing would terminate serving instances.
        self.aws.healthy = lambda image: False
        self.aws.serves = lambda instance: True
        self.assertEqual(self.roll(), 3, self.said)
        self.assertEqual(self.changes(), [
            ("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD), "cancel-instance-refresh",
            "start-instance-refresh", "cancel-instance-refresh"])
        self.assertIn("i-old1", [i["id"] for i in self.aws.instances])

    def test_another_refresh_is_under_way(self):
        self.aws.start_instance_refresh(GROUP, "Rolling", PREFERENCES)
        self.assert_as_before(self.roll())
        self.assertIn("another refresh of drive is under way: refresh-1 Pending", self.said)

    def test_another_refresh_begins_at_the_same_moment(self):
        def race(command):
            if command == "start-instance-refresh":
                self.aws.before = lambda command: None
                self.aws.start_instance_refresh(GROUP, "Rolling", PREFERENCES)

        self.aws.before = race
        self.assertEqual(self.roll(), 3, self.said)
        self.assertEqual(self.changes(), [("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD)])
        self.assertIn("may run either image", self.said)

    def refuse(self, call):
        def deny(command):
            if command == call:
                raise Refused("AccessDenied")

        self.aws.before = deny

    def test_the_refresh_may_not_be_started(self):
        self.refuse("start-instance-refresh")
        self.assert_rolled_back(self.roll(), [("put-parameter", NEW), "start-instance-refresh", ("put-parameter", OLD)])
        self.assertIn("AccessDenied", self.said)

    def test_the_parameter_may_not_be_written(self):
        self.refuse("put-parameter")
        self.assert_rolled_back(self.roll(), [("put-parameter", NEW)])

    def test_aws_does_not_answer_for_a_while(self):
        asked = [0]

        def flaky(command):
            asked[0] += 1
            if self.aws.refreshes and 20 < asked[0] < 26:
                raise Refused("Throttling")

        self.aws.before = flaky
        self.assertEqual(self.roll(), 0, self.said)
        self.assertIn("AWS does not answer (", self.said)

    def test_aws_does_not_answer_any_more(self):
        def gone(command):
            if self.aws.refreshes:
                raise Refused("ExpiredToken")

        self.aws.before = gone
        self.assertEqual(self.roll(), 3, self.said)
        self.assertIn("ExpiredToken", self.said)
        self.assertIn("could not be put back", self.said)
        self.assertIn(f"aws ssm put-parameter --name {PARAMETER} --type String --overwrite --value {OLD}", self.said)

    def test_a_dry_run(self):
        self.assertEqual(self.roll("--dry-run"), 0, self.said)
        self.assertEqual((self.changes(), self.protections(), self.aws.image), ([], [], OLD))
        for line in (f"would run: aws ssm put-parameter --name {PARAMETER} --type String --overwrite --value {NEW}",
                     "would run: aws autoscaling start-instance-refresh --auto-scaling-group-name drive", TARGETS[1],
                     "nothing was changed"):
            self.assertIn(line, self.said)

    def test_a_dry_run_says_what_a_run_does(self):
        self.roll("--dry-run")
        said = re.findall(r"would run: aws \S+ (\S+) (.*)", self.said)
        self.assertEqual(self.roll(), 0)
        made = [(call, given["input"]) for call, given in self.aws.calls if call in CHANGES]
        self.assertEqual([call for call, _ in said], [call for call, _ in made])
        for (_, options), (_, given) in zip(said, made):
            for value in given.values():
                if isinstance(value, str):
                    self.assertIn(value, options)
                elif isinstance(value, dict):
                    self.assertEqual(json.loads(re.search(r"'(\{.*\})'", options)[1]), value)

    def test_what_is_refused(self):
        for why, options, world in [
            ("there is no group other", ("--group", "other"), {}),
            ("which names the image", ("--parameter", "/other"), {}),
            ("stands in no target group", (), {"targets": []}),
            ("Launch is suspended", (), {"suspended": ["AZRebalance", "Launch"]}),
            ("--ready must be less", ("--ready", "180"), {}),
            ("whole seconds", ("--timeout", "1h"), {}),
            ("not the name of an image", ("--image", "a b"), {}),
            ("not the name of an image", ("--image", "--x"), {}),
        ]:
            with self.subTest(why):
                self.aws.__init__()
                for name, value in world.items():
                    setattr(self.aws, name, value)
                self.assert_as_before(self.roll(*options))
                self.assertIn(why, self.said)

    def test_wrong_usage(self):
        for options in (("--now",), ("--poll",), ("--group", "")):
            with self.subTest(options):
                self.assertEqual(self.roll(*options), 2)
                self.assertIn("deploy/rollout --group GROUP --image IMAGE", self.said)
                self.assertEqual(self.aws.calls, [])

    def test_the_registry_is_asked(self):
        for name, call in (("docker", "manifest inspect"), ("skopeo", "inspect --raw docker:")):
            with self.subTest(name):
                self.program(name, f'#!/usr/bin/env bash\n[[ "$*" == "{call}"*"{NEW}" ]]\n')
                self.assertEqual(self.roll("--dry-run"), 0, self.said)
                self.assertNotIn("not checked", self.said)
                self.assert_as_before(self.roll(image="example/none:1"))
                self.assertIn("the registry does not give example/none:1", self.said)
                self.assertEqual(self.roll("--dry-run", "--skip-image-check", image="example/none:1"), 0, self.said)
                self.assertIn("was not checked", self.said)
                self.assertIn("is no digest", self.said)
                (self.bin / name).unlink()


if __name__ == "__main__":
    unittest.main()
