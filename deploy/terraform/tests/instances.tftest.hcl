# The group, the launch template and the container.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "the_group" {
  assert {
    condition     = aws_autoscaling_group.api.health_check_type == "EC2"
    error_message = "The group looks at machines: an outage of the database must not end the fleet."
  }

  assert {
    condition = (
      aws_autoscaling_group.api.name == "clouddrive" && aws_autoscaling_group.api.min_size == 2 &&
      aws_autoscaling_group.api.max_size == 4 &&
      aws_autoscaling_group.api.target_group_arns == toset([aws_lb_target_group.api.arn])
    )
    error_message = "Two to four instances in the target group; deploy/rollout knows the group by the name of the stack."
  }

  assert {
    condition = (
      aws_autoscaling_group.api.launch_template[0].id == aws_launch_template.api.id &&
      aws_autoscaling_group.api.launch_template[0].version == tostring(aws_launch_template.api.latest_version)
    )
    error_message = "The group names a version of the template: else no change of it would reach the instances."
  }

  assert {
    condition = alltrue([for hook in aws_autoscaling_group.api.initial_lifecycle_hook :
      hook.name == "boot" && hook.lifecycle_transition == "autoscaling:EC2_INSTANCE_LAUNCHING" &&
      hook.default_result == "ABANDON" && hook.heartbeat_timeout > var.boot_seconds
    ]) && length(aws_autoscaling_group.api.initial_lifecycle_hook) == 1
    error_message = "An instance that does not say that it is ready is given up."
  }

  assert {
    condition = (
      aws_autoscaling_group.api.instance_refresh[0].preferences[0].min_healthy_percentage == 100 &&
      aws_autoscaling_group.api.instance_refresh[0].preferences[0].max_healthy_percentage == 200 &&
      !aws_autoscaling_group.api.instance_refresh[0].preferences[0].skip_matching &&
      aws_autoscaling_group.api.instance_refresh[0].preferences[0].auto_rollback
    )
    error_message = "New instances come before old ones go, and go themselves if they are no good."
  }

  assert {
    condition = (
      aws_autoscaling_policy.cpu.target_tracking_configuration[0].target_value == 60 &&
      alltrue([
        for metric in aws_autoscaling_policy.cpu.target_tracking_configuration[0].predefined_metric_specification :
        metric.predefined_metric_type == "ASGAverageCPUUtilization"
      ])
    )
    error_message = "The group follows the load."
  }

  assert {
    condition     = contains(aws_autoscaling_group.api.enabled_metrics, "GroupInServiceInstances")
    error_message = "The alarm on the group's size needs its metric."
  }
}

run "the_machine" {
  assert {
    condition = (
      aws_launch_template.api.metadata_options[0].http_tokens == "required" &&
      aws_launch_template.api.metadata_options[0].http_put_response_hop_limit == 2
    )
    error_message = "IMDSv2 alone, and the container reaches it."
  }

  assert {
    condition     = aws_launch_template.api.key_name == null && length(aws_launch_template.api.network_interfaces) == 0
    error_message = "No key for SSH, no public address."
  }

  assert {
    condition = (
      aws_launch_template.api.block_device_mappings[0].ebs[0].encrypted == "true" &&
      aws_launch_template.api.block_device_mappings[0].ebs[0].delete_on_termination == "true"
    )
    error_message = "The disk is encrypted, and goes with the instance."
  }

  assert {
    condition = (
      aws_launch_template.api.image_id == "ami-0123456789abcdef0" &&
      aws_launch_template.api.iam_instance_profile[0].arn == aws_iam_instance_profile.instance.arn
    )
    error_message = "The newest Amazon Linux, with the role of instances."
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    error_message = "The AMI has the architecture of the instance."
  }

  assert {
    condition = (
      aws_ssm_parameter.image.name == "/clouddrive/clouddrive/image" && aws_ssm_parameter.image.type == "String" &&
      nonsensitive(aws_ssm_parameter.image.value) == "docker.io/example/clouddrive:1.0.0"
    )
    error_message = "Instances read the image from the parameter that deploy/rollout writes."
  }
}

# The value written by deploy/rollout is kept.
run "the_image_is_not_put_back" {
  variables {
    image = "docker.io/example/clouddrive:2.0.0"
  }

  assert {
    condition     = nonsensitive(aws_ssm_parameter.image.value) == "docker.io/example/clouddrive:1.0.0"
    error_message = "An apply leaves the image alone."
  }
}

run "what_runs_on_it" {
  assert {
    condition = alltrue([
      for line in [
        "AWS_REGION='eu-central-1'", "GROUP='clouddrive'", "HOOK='boot'", "IMAGE_PARAMETER='/clouddrive/clouddrive/image'",
        "LOG_GROUP='/clouddrive/clouddrive'", "API_PORT='8000'", "METRICS='127.0.0.1:9464'", "STOP_SECONDS='45'", "BOOT_SECONDS='600'",
        "CA_BUNDLE='https://truststore.pki.rds.amazonaws.com/eu-central-1/eu-central-1-bundle.pem'",
        "CA_PATH='/etc/ssl/database.pem'",
      ] : strcontains(base64decode(aws_launch_template.api.user_data), "\n${line}\n")
    ])
    error_message = "boot.sh gets its settings."
  }

  assert {
    condition = alltrue([
      for line in [
        "ENVIRONMENT=production", "AWS_SECRET_NAME=clouddrive/env", "AWS_REGION=eu-central-1", "BIND_ADDR=0.0.0.0:8000",
        "PUBLIC_URL=https://drive.example.com", "DATABASE_CONNECTIONS=16", "DRAIN_SECONDS=5", "SHUTDOWN_SECONDS=30",
        "KEEP_ALIVE_SECONDS=200",
        "TRUSTED_PROXIES=10.40.0.0/20,10.40.16.0/20", "METRICS_ADDR=0.0.0.0:9464",
      ] : strcontains(module.boot.script, line)
    ]) && !strcontains(module.boot.script, "CORS_ORIGINS") && !strcontains(module.boot.script, "OTEL_")
    error_message = "The container gets its variables, and no others."
  }

  assert {
    condition = !anytrue([
      for name in [
        "PASSWORD=", "SECRET_KEY=", "DATABASE_URL=", "HOST=", nonsensitive(local.password), nonsensitive(local.secret_key),
      ] :
      strcontains(module.boot.script, name)
    ])
    error_message = "No secret stands in the user data."
  }

  assert {
    condition     = startswith(module.boot.script, "#!/bin/bash\n") && endswith(module.boot.script, file("modules/boot/boot.sh"))
    error_message = "The user data is boot.sh with its settings in front."
  }

  assert {
    condition     = length(aws_launch_template.api.user_data) <= 21848
    error_message = "User data has 16 KiB at the most."
  }
}

run "what_can_be_told_to_it" {
  variables {
    instance_type           = "t4g.small"
    ami_id                  = "ami-00000000000000001"
    cors_origins            = ["https://app.example.com", "https://www.example.com"]
    metrics_security_groups = ["sg-0123456789abcdef0"]
    otlp                    = { endpoint = "http://10.40.200.5:4318", cidr = "10.40.200.5/32", port = 4318 }
    environment             = { RUST_LOG = "info,clouddrive=debug", DEFAULT_QUOTA_BYTES = "1073741824" }
    drain_seconds           = 10
    shutdown_seconds        = 60
    boot_seconds            = 900
    idle_timeout            = 300
  }

  assert {
    condition = alltrue([
      for line in [
        "CORS_ORIGINS=https://app.example.com,https://www.example.com", "METRICS='9464'",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://10.40.200.5:4318", "RUST_LOG=info,clouddrive=debug",
        "DEFAULT_QUOTA_BYTES=1073741824", "DRAIN_SECONDS=10", "SHUTDOWN_SECONDS=60", "STOP_SECONDS='80'", "BOOT_SECONDS='900'",
        "KEEP_ALIVE_SECONDS=320",
      ] : strcontains(module.boot.script, line)
    ])
    error_message = "The container gets what was said."
  }

  assert {
    condition     = aws_launch_template.api.image_id == "ami-00000000000000001" && length(data.aws_ssm_parameter.ami) == 0
    error_message = "The AMI is the one that was named."
  }
}

run "arm" {
  override_data {
    target = data.aws_ec2_instance_type.api
    values = { supported_architectures = ["arm64"] }
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    error_message = "The AMI has the architecture of the instance."
  }
}

run "what_is_said_twice_is_refused" {
  command = plan

  variables {
    environment = { METRICS_ADDR = "0.0.0.0:9464" }
  }

  expect_failures = [aws_launch_template.api]
}
