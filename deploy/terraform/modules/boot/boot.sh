#!/bin/bash
# Runs once on a new instance, as root: installs Docker, runs the image named by the SSM parameter, waits until it is
# ready, and notifies the auto-scaling group. On failure it writes to the log group and has the instance replaced. For
# Amazon Linux 2023. Terraform prepends the settings.
set -euo pipefail

: "${AWS_REGION:?}" "${GROUP:?}" "${HOOK:?}" "${IMAGE_PARAMETER:?}" "${LOG_GROUP:?}" "${API_PORT:?}" "${STOP_SECONDS:?}"
: "${BOOT_SECONDS:?}" "${METRICS:?}" "${CONTAINER_ENVIRONMENT:?}" "${CA_BUNDLE?}" "${CA_PATH?}"
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''
# Root of the file system; another directory in tests.
ROOT=${ROOT:-}

say() { echo "clouddrive boot: $*" >&2; }

# again COMMAND…: retries, since network, role and repositories may not be ready yet on a new instance.
again() {
  local pause
  for pause in 2 4 8 16 32 0; do
    if "$@"; then return; fi
    sleep "$pause"
  done
  say "failed six times: $1"
  return 1
}

# metadata PATH: EC2 metadata of this instance (IMDSv2).
metadata() {
  local token
  token=$(curl -sSf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token) &&
    curl -sSf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# A line in the format of the server's log, so that it raises the alarm for errors. The step needs no JSON escaping.
report() {
  local stream="$instance/boot" message
  message="{\\\"level\\\":\\\"ERROR\\\",\\\"target\\\":\\\"boot\\\",\\\"message\\\":\\\"$instance gave up: $step\\\"}"
  aws logs create-log-stream --log-group-name "$LOG_GROUP" --log-stream-name "$stream" &&
    aws logs put-log-events --log-group-name "$LOG_GROUP" --log-stream-name "$stream" \
      --log-events "[{\"timestamp\":$(date +%s)000,\"message\":\"$message\"}]" >/dev/null
}

# answer RESULT: tells the group whether to accept this instance.
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
# Docker grants a container its stop timeout at shutdown; systemd must grant Docker more than that.
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

# The ECR password is valid for hours, but only needed here.
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
# The image defines its health check and user; the non-root user is enforced here too. Log lines are buffered in memory
# while CloudWatch is unavailable, and the oldest are dropped when it is full, so the server never blocks on its log.
docker run --detach --name clouddrive --restart always --stop-timeout "$STOP_SECONDS" \
  --user 65532:65532 --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 1024 --ulimit nofile=65536:65536 \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LOG_GROUP" \
  --log-opt "awslogs-stream=$instance" --log-opt mode=non-blocking --log-opt max-buffer-size=16m \
  --env-file "$ROOT/etc/clouddrive/environment" --publish "$API_PORT:$API_PORT" --publish "$METRICS:${METRICS##*:}" \
  "${options[@]}" "$image"

# Ready means that database and bucket are reachable. Without this wait, a version that does not start would replace one
# that serves.
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
