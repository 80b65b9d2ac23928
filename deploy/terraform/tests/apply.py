"""Applies the stack to a mock of AWS (moto) on 127.0.0.1, checks the result, and destroys it.

The provider is the real one: what it refuses, what it asks for and in which order shows here, as do values that the mocks of
`terraform test` make up. moto is not AWS: it takes much that AWS would refuse. ../check calls this, with the Python that has
moto, in a copy of the directory. It needs terraform on the PATH, and takes five minutes, most of them asleep.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3

# Attributes that moto loses or changes, by resource: a second plan may find them changed.
MOTO = {
    "aws_autoscaling_group.api": {"capacity_reservation_specification", "default_instance_warmup", "launch_template"},
    "aws_autoscaling_policy.cpu": {"enabled", "predictive_scaling_configuration"},
    "aws_db_instance.this[0]": {"performance_insights_enabled", "performance_insights_retention_period"},
    "aws_db_parameter_group.this[0]": {"parameter"},
    "aws_launch_template.api": {"default_version", "latest_version", "tag_specifications"},
    "aws_vpc_security_group_egress_rule.api_to_database[0]": {"description"},
    "aws_vpc_security_group_egress_rule.load_balancer_to_api": {"description"},
    "aws_vpc_security_group_ingress_rule.api_from_load_balancer": {"description"},
    "aws_vpc_security_group_ingress_rule.database_from_api[0]": {"description"},
}

# Every rule of every security group of the VPC.
RULES = """
clouddrive-api from clouddrive-load-balancer tcp 8000-8000
clouddrive-api to 0.0.0.0/0 tcp 443-443
clouddrive-api to clouddrive-database tcp 5432-5432
clouddrive-database from clouddrive-api tcp 5432-5432
clouddrive-load-balancer from 0.0.0.0/0 tcp 443-443
clouddrive-load-balancer from 0.0.0.0/0 tcp 80-80
clouddrive-load-balancer to clouddrive-api tcp 8000-8000
"""

REGION = "eu-central-1"
OVERRIDE = """
provider "aws" {
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_credentials_validation = true
}
"""

failures = []


def check(holds, text):
    if not holds:
        failures.append(text)
        print(f"tests/apply.py: {text}", file=sys.stderr)


@contextlib.contextmanager
def moto():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = os.path.join(os.path.dirname(sys.executable), "moto_server")
    with open("moto.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for attempt in range(240):
            try:
                urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
                break
            except OSError:
                if attempt == 239 or process.poll() is not None:
                    raise
                time.sleep(0.25)
        yield url
    finally:
        process.terminate()
        process.wait()


def terraform(*arguments):
    """The output of terraform. Shows its errors if it fails."""
    command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
    if arguments[0] == "state":
        command = ["terraform", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"terraform {' '.join(arguments)}:\n{answer.stdout[-6000:]}{answer.stderr[-6000:]}")
    return answer.stdout


def changes():
    """The attributes by resource that another plan would change, and the plan as stored."""
    terraform("plan", "-input=false", "-out=plan")
    plan = json.loads(terraform("show", "-json", "plan"))
    found = {}
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        if change["actions"] in (["no-op"], ["read"]):
            continue
        before, after, unknown = change["before"] or {}, change["after"] or {}, change["after_unknown"] or {}
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        names |= {name for name, value in unknown.items() if value is True}
        found[resource["address"]] = names if change["actions"] == ["update"] else {"+".join(change["actions"])}
    return found, json.dumps(plan)


def rules(ec2, vpc):
    groups = {
        group["GroupId"]: group["GroupName"]
        for group in ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    }
    found = []
    for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
        if rule["GroupId"] in groups:
            peer = rule.get("ReferencedGroupInfo", {}).get("GroupId")
            peer = groups.get(peer, peer) or rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId")
            way = "to" if rule["IsEgress"] else "from"
            ports = f"{rule['FromPort']}-{rule['ToPort']}"
            found.append(f"{groups[rule['GroupId']]} {way} {peer} {rule['IpProtocol']} {ports}")
    return "\n".join(sorted(found))


def recorded(url):
    """The calls that moto logged. It writes a call and its line end separately, so two calls may share a line."""
    with urllib.request.urlopen(f"{url}/moto-api/recorder/download-recording", timeout=60) as answer:
        text = answer.read().decode().strip()
    decoder, calls = json.JSONDecoder(), []
    while text:
        call, end = decoder.raw_decode(text)
        calls.append(call)
        text = text[end:].lstrip()
    return calls


def applied(url, client):
    outputs = {name: output["value"] for name, output in json.loads(terraform("output", "-json")).items()}
    check(rules(client("ec2"), outputs["vpc_id"]) == RULES.strip(), f"the rules are\n{rules(client('ec2'), outputs['vpc_id'])}")

    secrets = client("secretsmanager")
    text = secrets.get_secret_value(SecretId=outputs["secret"])["SecretString"]
    secret = json.loads(text)
    check(sorted(secret) == outputs["secret_names"], f"the secret has {sorted(secret)}")
    check(all(isinstance(value, str) and value for value in secret.values()), "a value of the secret is none")
    check(secret["HOST"] == outputs["database"].split(":")[0], "the secret leads elsewhere than to the database")
    check(secret["S3_BUCKET_NAME"] == outputs["bucket"], "the secret names another bucket")

    # RDS got the password of the secret.
    bodies = [
        base64.b64decode(call["body"]).decode() if call.get("body_encoded") else str(call.get("body")) for call in recorded(url)
    ]
    created = [body for body in bodies if "Action=CreateDBInstance&" in body]
    check(len(created) == 1, f"the database was made {len(created)} times")
    check(all(f"MasterUserPassword={secret['PASSWORD']}" in body for body in created), "RDS has another password than the secret")

    # It is stored nowhere.
    found, plan = changes()
    with open("terraform.tfstate", encoding="utf-8") as state:
        kept = state.read() + plan
    data = client("ec2").describe_launch_template_versions(LaunchTemplateName=outputs["group"], Versions=["$Latest"])
    script = base64.b64decode(data["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"]).decode()
    for name in ("PASSWORD", "SECRET_KEY"):
        check(secret[name] not in kept, f"{name} stands in the state or in the plan")
        check(secret[name] not in script, f"{name} stands in the user data")

    # A second apply has nothing to do.
    for address, names in found.items():
        more = names - MOTO.get(address, set())
        check(not more, f"a second apply would change {address}: {sorted(more)}")

    # The operator maintains the secret, and deploy/rollout the image.
    secrets.put_secret_value(SecretId=outputs["secret"], SecretString=json.dumps({**secret, "RUST_LOG": "debug"}))
    client("ssm").put_parameter(Name=outputs["image_parameter"], Value="example/clouddrive:2.0.0", Type="String", Overwrite=True)
    touched = set(changes()[0]) & {"aws_secretsmanager_secret_version.api", "aws_ssm_parameter.image"}
    check(not touched, f"an apply would take back what was changed by hand: {touched}")

    group = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[outputs["group"]])["AutoScalingGroups"][0]
    check(len(group["Instances"]) == 2, f"{len(group['Instances'])} instances were started")


def main():
    # Stops the processes that were started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.update(
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_REGION=REGION, AWS_EC2_METADATA_DISABLED="true",
        TF_VAR_region=REGION, TF_VAR_domain_name="drive.example.com", TF_VAR_image="docker.io/example/clouddrive:1.0.0",
    )
    with open("stand_in_override.tf", "w", encoding="utf-8") as override:
        override.write(OVERRIDE)
    with moto() as url:
        os.environ["AWS_ENDPOINT_URL"] = url

        def client(name):
            return boto3.client(name, region_name=REGION, endpoint_url=url)

        zone = client("route53").create_hosted_zone(Name="example.com", CallerReference="x")["HostedZone"]["Id"]
        os.environ["TF_VAR_zone_id"] = zone.rsplit("/", 1)[-1]
        urllib.request.urlopen(f"{url}/moto-api/recorder/start-recording", data=b"", timeout=60).close()
        terraform("plan", "-input=false", "-out=first")
        # For checkov, which understands a plan better than its source.
        with open("plan.json", "w", encoding="utf-8") as plan:
            plan.write(terraform("show", "-json", "first"))
        # From here on without deletion protection: moto does not support the instance refresh that a second apply would
        # start.
        os.environ.update(TF_VAR_deletion_protection="false", TF_VAR_force_destroy="true", TF_VAR_secret_recovery_days="0")
        terraform("plan", "-input=false", "-out=first")
        terraform("apply", "-input=false", "first")
        applied(url, client)
        terraform("destroy", "-input=false", "-auto-approve")
        left = terraform("state", "list") if os.path.exists("terraform.tfstate") else ""
        check(not left.strip(), f"destroy left {left}")
        check(not client("s3").list_buckets()["Buckets"], "destroy left a bucket")
    if failures:
        sys.exit(1)
    print("tests/apply.py: passed", file=sys.stderr)


main()
