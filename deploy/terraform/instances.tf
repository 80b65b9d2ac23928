# Instances that run the container, scaled by load.

data "aws_ec2_instance_type" "api" {
  instance_type = var.instance_type
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0
  name  = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${local.architecture}"
}

locals {
  architecture = contains(data.aws_ec2_instance_type.api.supported_architectures, "arm64") ? "arm64" : "x86_64"

  # Non-secret variables of the container. The secret takes precedence.
  settings = merge({
    ENVIRONMENT          = "production"
    AWS_SECRET_NAME      = aws_secretsmanager_secret.api.name
    AWS_REGION           = var.region
    BIND_ADDR            = "0.0.0.0:${local.api_port}"
    PUBLIC_URL           = "https://${var.domain_name}"
    DATABASE_CONNECTIONS = tostring(var.database_connections)
    DRAIN_SECONDS        = tostring(var.drain_seconds)
    SHUTDOWN_SECONDS     = tostring(var.shutdown_seconds)
    # Longer than the load balancer's, which must close connections first, or it may send on one that is being closed.
    KEEP_ALIVE_SECONDS = tostring(var.idle_timeout + 20)
    # The load balancer's subnets: its client addresses are trusted.
    TRUSTED_PROXIES = join(",", local.public_cidrs)
    METRICS_ADDR    = "0.0.0.0:${local.metrics_port}"
    },
    length(var.cors_origins) > 0 ? { CORS_ORIGINS = join(",", var.cors_origins) } : {},
    var.otlp == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp.endpoint },
  )
  said_twice = setintersection(keys(var.environment), keys(local.settings))
}

# The image that instances run, read at boot. deploy/rollout writes it, replaces all instances, and restores the old one
# on failure.
resource "aws_ssm_parameter" "image" {
  name        = "/clouddrive/${var.name}/image"
  description = "The image that instances of ${var.name} run. deploy/rollout writes it."
  type        = "String"
  value       = var.image

  lifecycle {
    ignore_changes = [value]
  }
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/clouddrive/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

module "boot" {
  source = "./modules/boot"

  environment = merge(var.environment, local.settings)

  settings = {
    AWS_REGION      = var.region
    GROUP           = var.name
    HOOK            = "boot"
    IMAGE_PARAMETER = aws_ssm_parameter.image.name
    LOG_GROUP       = aws_cloudwatch_log_group.api.name
    API_PORT        = tostring(local.api_port)
    # Metrics are on 127.0.0.1 of the machine, and reachable from outside if a scraper is admitted.
    METRICS   = length(var.metrics_security_groups) > 0 ? "${local.metrics_port}" : "127.0.0.1:${local.metrics_port}"
    CA_BUNDLE = local.ca_bundle
    CA_PATH   = local.ca_path
    # After this, Docker kills the server if SIGTERM has not ended it.
    STOP_SECONDS = tostring(var.drain_seconds + var.shutdown_seconds + 10)
    BOOT_SECONDS = tostring(var.boot_seconds)
  }
}

resource "aws_launch_template" "api" {
  name                                 = var.name
  update_default_version               = true
  image_id                             = var.ami_id == null ? data.aws_ssm_parameter.ami[0].insecure_value : var.ami_id
  instance_type                        = var.instance_type
  instance_initiated_shutdown_behavior = "terminate"
  ebs_optimized                        = true
  vpc_security_group_ids               = [aws_security_group.api.id]
  user_data                            = base64encode(module.boot.script)

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance.arn
  }

  # Only version 2, so that a server tricked into fetching a URL does not leak the role. Two hops, since Docker's bridge
  # is one: the server gets its credentials from here.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted             = true
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(local.tags, { Name = var.name })
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.said_twice) == 0
      error_message = "environment sets what other variables set: ${join(", ", local.said_twice)}."
    }
  }
}

resource "aws_autoscaling_group" "api" {
  name                = var.name
  vpc_zone_identifier = aws_subnet.private[*].id
  target_group_arns   = [aws_lb_target_group.api.arn]
  min_size            = var.min_size
  max_size            = var.max_size

  # Checks the machine, not the server's readiness (ELB): in a database outage no server is ready, and the group would
  # terminate one instance after the other. The load balancer checks readiness.
  health_check_type         = "EC2"
  health_check_grace_period = 60
  default_instance_warmup   = 60

  # How long an apply waits for the first instances.
  wait_for_capacity_timeout = "${ceil(var.boot_seconds / 60) * 2 + 5}m"

  enabled_metrics = [
    "GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize", "GroupPendingInstances",
    "GroupTerminatingInstances", "GroupTotalInstances",
  ]

  launch_template {
    id      = aws_launch_template.api.id
    version = aws_launch_template.api.latest_version
  }

  # An instance is in service when it reports that its server is ready; otherwise it is terminated.
  initial_lifecycle_hook {
    name                 = "boot"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    default_result       = "ABANDON"
    heartbeat_timeout    = var.boot_seconds + 300
  }

  # When an apply changes the launch template: new instances start first, then the old ones drain and terminate.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage       = 100
      max_healthy_percentage       = 200
      instance_warmup              = 120
      scale_in_protected_instances = "Refresh"
      skip_matching                = false
      auto_rollback                = true
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = var.name })

    content {
      key   = tag.key
      value = tag.value
      # Instances get their tags from the launch template.
      propagate_at_launch = false
    }
  }

  # Needed by instances at boot.
  depends_on = [
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.s3,
    aws_vpc_endpoint.service,
    aws_vpc_security_group_ingress_rule.database_from_api,
    aws_vpc_security_group_egress_rule.api_to_services,
    aws_vpc_security_group_egress_rule.api_to_endpoints,
    aws_vpc_security_group_egress_rule.api_to_s3,
    aws_vpc_security_group_egress_rule.api_to_database,
    aws_vpc_security_group_egress_rule.api_to_external_database,
    aws_vpc_security_group_ingress_rule.endpoints_from_api,
    aws_iam_role_policy.instance,
    aws_secretsmanager_secret_version.api,
    aws_s3_bucket_policy.drive,
    aws_lb_listener.https,
  ]
}

resource "aws_autoscaling_policy" "cpu" {
  name                   = "cpu"
  autoscaling_group_name = aws_autoscaling_group.api.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.target_cpu_percent

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
