# Alarms and budget. The server's own metrics give more detail: deploy/prometheus.

# Messages only have alarm names and numbers. With encryption by AWS's SNS key, alarms could not be published.
resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

# The server's log has one JSON object per line.
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "${var.name}-errors"
  log_group_name = aws_cloudwatch_log_group.api.name
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    name          = "${var.name}-errors"
    namespace     = "CloudDrive"
    value         = "1"
    default_value = "0"
  }
}

locals {
  load_balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  target_group  = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.api.arn_suffix }

  # Alarms on one metric each: comparison, period, and treatment of missing data.
  alarms = merge({
    load-balancer-5xx = {
      text        = "The load balancer answered 5xx itself: it reaches no instance, or an instance closed the connection."
      namespace   = "AWS/ApplicationELB"
      metric      = "HTTPCode_ELB_5XX_Count"
      dimensions  = local.load_balancer
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 10
      period      = 300
      evaluations = 1
      silence     = "notBreaching"
    }
    latency = {
      text        = "One request in a hundred waits longer than this for its answer."
      namespace   = "AWS/ApplicationELB"
      metric      = "TargetResponseTime"
      dimensions  = local.target_group
      statistic   = "p99"
      comparison  = "GreaterThanThreshold"
      threshold   = var.alarm_latency_seconds
      period      = 300
      evaluations = 3
      silence     = "notBreaching"
    }
    unhealthy-hosts = {
      text        = "An instance is not ready for five minutes. It is not replaced for that: look at its log."
      namespace   = "AWS/ApplicationELB"
      metric      = "UnHealthyHostCount"
      dimensions  = local.target_group
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 0
      period      = 60
      evaluations = 5
      silence     = "notBreaching"
    }
    no-healthy-host = {
      text        = "No instance is ready: database or bucket are away, or nothing runs."
      namespace   = "AWS/ApplicationELB"
      metric      = "HealthyHostCount"
      dimensions  = local.target_group
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 60
      evaluations = 2
      silence     = "breaching"
    }
    group-below-minimum = {
      text        = "The group has had fewer instances than its minimum for a quarter of an hour: new ones do not come up."
      namespace   = "AWS/AutoScaling"
      metric      = "GroupInServiceInstances"
      dimensions  = { AutoScalingGroupName = aws_autoscaling_group.api.name }
      statistic   = "Maximum"
      comparison  = "LessThanThreshold"
      threshold   = var.min_size
      period      = 60
      evaluations = 15
      silence     = "breaching"
    }
    errors = {
      text        = "The server, or an instance that did not come up, logged errors."
      namespace   = "CloudDrive"
      metric      = aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].name
      dimensions  = {}
      statistic   = "Sum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = var.alarm_errors
      period      = 300
      evaluations = 1
      silence     = "notBreaching"
    }
    },
    { for name, alarm in {
      database-storage = {
        text        = "The database has less than a tenth of its first storage left, and has grown as far as it may."
        namespace   = "AWS/RDS"
        metric      = "FreeStorageSpace"
        statistic   = "Minimum"
        comparison  = "LessThanThreshold"
        threshold   = var.database_storage_gib * pow(1024, 3) / 10
        period      = 300
        evaluations = 2
        silence     = "breaching"
      }
      database-cpu = {
        text        = "The database has been busy for a quarter of an hour."
        namespace   = "AWS/RDS"
        metric      = "CPUUtilization"
        statistic   = "Average"
        comparison  = "GreaterThanThreshold"
        threshold   = 80
        period      = 300
        evaluations = 3
        silence     = "breaching"
      }
      database-connections = {
        text        = "Four fifths of the connections that the database allows are open."
        namespace   = "AWS/RDS"
        metric      = "DatabaseConnections"
        statistic   = "Maximum"
        comparison  = "GreaterThanThreshold"
        threshold   = floor(var.database_max_connections * 0.8)
        period      = 60
        evaluations = 5
        silence     = "notBreaching"
      }
      database-memory = {
        text        = "The database has little memory left: connections are what takes it."
        namespace   = "AWS/RDS"
        metric      = "FreeableMemory"
        statistic   = "Minimum"
        comparison  = "LessThanThreshold"
        threshold   = 100 * pow(1024, 2)
        period      = 300
        evaluations = 3
        silence     = "notBreaching"
      }
    } : name => merge(alarm, { dimensions = { DBInstanceIdentifier = one(aws_db_instance.this[*].identifier) } }) if local.rds }
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each          = local.alarms
  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.text} docs/operations.md says what to do."

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.evaluations
  treat_missing_data  = each.value.silence

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}

# A ratio rather than a count, of enough requests to be significant.
resource "aws_cloudwatch_metric_alarm" "api_5xx" {
  alarm_name          = "${var.name}-api-5xx"
  alarm_description   = "The API answers too many requests with 5xx. docs/operations.md says what to do."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_5xx_percent
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "percent"
    expression  = "IF(requests >= 50, 100 * FILL(failures, 0) / requests, 0)"
    label       = "Answers from 500 up, in percent"
    return_data = true
  }

  metric_query {
    id = "failures"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = local.target_group
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = local.target_group
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_budgets_budget" "this" {
  count        = var.monthly_budget_usd == null ? 0 : 1
  name         = "${var.name}-${var.region}"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.alarm_emails
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.alarm_emails
  }
}
