#!/usr/bin/env bash
# moto 5.2.5, server mode: PutObject with `Content-Type: application/x-www-form-urlencoded`, which curl sends with --data-binary
# unless told otherwise, is answered with 200 and stores no bytes. With any other type all bytes are stored.
set -euo pipefail
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[s3,server]==5.2.5' boto3==1.40.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/moto_server -H 127.0.0.1 -p "$port" >server.log 2>&1 &
pid=$!
for _ in $(seq 100); do
  if curl --silent --output /dev/null "http://127.0.0.1:$port/"; then break; fi
  sleep 0.2
done
PORT=$port venv/bin/python - <<'PYTHON' | tee observed
import os, urllib.request
import boto3

endpoint = "http://127.0.0.1:" + os.environ["PORT"]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
s3.create_bucket(Bucket="files")
for kind in ["application/octet-stream", "application/x-www-form-urlencoded"]:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "files", "Key": "note"})
    put = urllib.request.Request(url, b"hello", {"Content-Type": kind}, method="PUT")
    status = urllib.request.urlopen(put).status
    print(kind, status, s3.head_object(Bucket="files", Key="note")["ContentLength"])
PYTHON
printf '%s\n' 'application/octet-stream 200 5' 'application/x-www-form-urlencoded 200 0' | diff - observed
