#!/bin/bash
# What a new instance does, once, as root: installs Docker, runs the image that the SSM parameter names, waits until it is ready,
# and tells the auto-scaling group. If anything fails it says so in the log group and has itself replaced.
# For Amazon Linux 2023. Terraform puts the settings in front.
set -euo pipefail

: "${AWS_REGION:?}" "${GROUP:?}" "${HOOK:?}" "${IMAGE_PARAMETER:?}" "${LOG_GROUP:?}" "${API_PORT:?}" "${STOP_SECONDS:?}"
: "${BOOT_SECONDS:?}" "${METRICS:?}" "${CONTAINER_ENVIRONMENT:?}" "${CA_BUNDLE?}" "${CA_PATH?}"
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''
# Where files go; another directory when it is tried out.
ROOT=${ROOT:-}

say() { echo "clouddrive boot: $*" >&2; }

# again COMMAND…: a new instance may be ahead of its network, its role and its repositories.
again() {
  local pause
  for pause in 2 4 8 16 32 0; do
    if "$@"; then return; fi
    sleep "$pause"
  done
  say "failed six times: $1"
  return 1
}

# metadata PATH: what EC2 knows of this instance (IMDSv2).
metadata() {
  local token
  token=$(curl -sSf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token) &&
    curl -sSf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# A line of the server's log, so that it raises the alarm that errors raise. The step has no character that JSON minds.
report() {
  local stream="$instance/boot" message
  message="{\\\"level\\\":\\\"ERROR\\\",\\\"target\\\":\\\"boot\\\",\\\"message\\\":\\\"$instance gave up: $step\\\"}"
  aws logs create-log-stream --log-group-name "$LOG_GROUP" --log-stream-name "$stream" &&
    aws logs put-log-events --log-group-name "$LOG_GROUP" --log-stream-name "$stream" \
      --log-events "[{\"timestamp\":$(date +%s)000,\"message\":\"$message\"}]" >/dev/null
}

# answer RESULT: whether the group is to take this instance.
answer() {
  aws autoscaling complete-lifecycle-action --auto-scaling-group-name "$GROUP" --lifecycle-hook-name "$HOOK" \
    --instance-id "$instance" --lifecycle-action-result "$1"
}

# shellcheck disable=SC2317 # the trap calls it
give_up() {
  local status=$?
  trap - EXIT
  if [ "$status" -eq 0 ]; then exit 0; fi
  say "gave up: $step"
  if [ -n "$instance" ]; then
    report || say "the log group could not be told"
    answer ABANDON || say "the group could not be told: it will find out when the hook times out"
  fi
  exit "$status"
}

instance='' step='asking who this is'
trap give_up EXIT
instance=$(again metadata instance-id)

step='installing Docker'
again dnf install -y -q docker
# Docker gives a container its stop timeout when the machine goes down; systemd must give Docker as much, and some more.
mkdir -p "$ROOT/etc/systemd/system/docker.service.d" "$ROOT/etc/clouddrive"
printf '[Service]\nTimeoutStopSec=%s\n' "$((STOP_SECONDS + 30))" >"$ROOT/etc/systemd/system/docker.service.d/clouddrive.conf"
systemctl daemon-reload
systemctl enable --now docker

options=()
if [ -n "$CA_BUNDLE" ]; then
  step='fetching the roots of the database'
  bundle="$ROOT/etc/clouddrive/database.pem"
  case "$CA_BUNDLE" in
    s3://*) again aws s3 cp --only-show-errors "$CA_BUNDLE" "$bundle" ;;
    *) again curl -sSf --proto '=https' --tlsv1.2 --max-time 60 -o "$bundle" "$CA_BUNDLE" ;;
  esac
  grep -q 'BEGIN CERTIFICATE' "$bundle"
  chmod 0644 "$bundle" # the server is not root
  options+=(--mount "type=bind,source=$bundle,destination=$CA_PATH,readonly")
fi

step='reading which image to run'
image=$(again aws ssm get-parameter --name "$IMAGE_PARAMETER" --query Parameter.Value --output text)

# The password of ECR is good for hours, and is needed for this moment.
pull() {
  case "$image" in
    *.dkr.ecr.*)
      aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}" >/dev/null || return
      ;;
  esac
  docker pull --quiet "$image"
}

step="pulling $image"
DOCKER_CONFIG=$(mktemp -d)
export DOCKER_CONFIG
again pull
rm -rf "$DOCKER_CONFIG"

step="starting $image"
printf '%s\n' "$CONTAINER_ENVIRONMENT" >"$ROOT/etc/clouddrive/environment"
# The image brings its health check and its user; that it is not root is said here once more. Lines wait in memory while
# CloudWatch is away, and the oldest are lost when that is full: the server does not wait for its log.
docker run --detach --name clouddrive --restart always --stop-timeout "$STOP_SECONDS" \
  --user 65532:65532 --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 1024 --ulimit nofile=65536:65536 \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LOG_GROUP" \
  --log-opt "awslogs-stream=$instance" --log-opt mode=non-blocking --log-opt max-buffer-size=16m \
  --env-file "$ROOT/etc/clouddrive/environment" --publish "$API_PORT:$API_PORT" --publish "$METRICS:${METRICS##*:}" \
  "${options[@]}" "$image"

# Ready is who reaches database and bucket. Without this, a version that does not come up would replace one that serves.
step="waiting for $image to be ready"
until curl -sf --max-time 6 -o /dev/null "http://127.0.0.1:$API_PORT/health/ready"; do
  if [ "$SECONDS" -ge "$BOOT_SECONDS" ]; then
    say "not ready after $SECONDS s"
    exit 1
  fi
  sleep 2
done

step='telling the group'
again answer CONTINUE
say "ready after $SECONDS s"
