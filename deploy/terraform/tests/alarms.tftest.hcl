# Alarms and their recipients.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "alarms" {
  assert {
    condition = keys(aws_cloudwatch_metric_alarm.this) == [
      "database-connections", "database-cpu", "database-memory", "database-storage", "errors", "group-below-minimum", "latency",
      "load-balancer-5xx", "no-healthy-host", "unhealthy-hosts",
    ]
    error_message = "These are the alarms."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.api_5xx]) :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.ok_actions == toset([aws_sns_topic.alarms.arn]) &&
      alarm.actions_enabled != false && strcontains(alarm.alarm_description, "docs/operations.md")
    ])
    error_message = "Every alarm tells the topic, and where to read on."
  }

  assert {
    condition = {
      for name, alarm in aws_cloudwatch_metric_alarm.this :
      name => join(" ", [
        alarm.namespace, alarm.metric_name, coalesce(alarm.statistic, alarm.extended_statistic), alarm.comparison_operator,
        alarm.threshold, alarm.treat_missing_data,
      ])
      } == {
      database-connections = "AWS/RDS DatabaseConnections Maximum GreaterThanThreshold 160 notBreaching"
      database-cpu         = "AWS/RDS CPUUtilization Average GreaterThanThreshold 80 breaching"
      database-memory      = "AWS/RDS FreeableMemory Minimum LessThanThreshold 104857600 notBreaching"
      database-storage     = "AWS/RDS FreeStorageSpace Minimum LessThanThreshold 2147483648 breaching"
      errors               = "CloudDrive clouddrive-errors Sum GreaterThanOrEqualToThreshold 5 notBreaching"
      group-below-minimum  = "AWS/AutoScaling GroupInServiceInstances Maximum LessThanThreshold 2 breaching"
      latency              = "AWS/ApplicationELB TargetResponseTime p99 GreaterThanThreshold 5 notBreaching"
      load-balancer-5xx    = "AWS/ApplicationELB HTTPCode_ELB_5XX_Count Sum GreaterThanThreshold 10 notBreaching"
      no-healthy-host      = "AWS/ApplicationELB HealthyHostCount Maximum LessThanThreshold 1 breaching"
      unhealthy-hosts      = "AWS/ApplicationELB UnHealthyHostCount Maximum GreaterThanThreshold 0 notBreaching"
    }
    error_message = "Each looks at its metric."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["unhealthy-hosts"].dimensions == tomap({
        LoadBalancer = "app/clouddrive/0123", TargetGroup = "targetgroup/clouddrive/4567"
      }) &&
      aws_cloudwatch_metric_alarm.this["load-balancer-5xx"].dimensions == tomap({ LoadBalancer = "app/clouddrive/0123" }) &&
      aws_cloudwatch_metric_alarm.this["group-below-minimum"].dimensions == tomap({ AutoScalingGroupName = "clouddrive" }) &&
      aws_cloudwatch_metric_alarm.this["database-cpu"].dimensions == tomap({ DBInstanceIdentifier = "clouddrive" })
    )
    error_message = "Each looks at what is here."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.api_5xx.threshold == 1 &&
      [for query in aws_cloudwatch_metric_alarm.api_5xx.metric_query : query.id if query.return_data == true] == ["percent"] &&
      toset(flatten([
        for query in aws_cloudwatch_metric_alarm.api_5xx.metric_query : [for metric in query.metric : metric.metric_name]
      ])) == toset(["HTTPCode_Target_5XX_Count", "RequestCount"])
    )
    error_message = "The share of answers from 500 up."
  }

  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.errors.pattern == "{ $.level = \"ERROR\" }" &&
      aws_cloudwatch_log_metric_filter.errors.log_group_name == aws_cloudwatch_log_group.api.name &&
      aws_cloudwatch_log_metric_filter.errors.metric_transformation[0].namespace == "CloudDrive"
    )
    error_message = "Errors in the log are counted."
  }

  assert {
    condition     = aws_cloudwatch_log_group.api.retention_in_days == 90
    error_message = "The log goes after a while."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) + length(aws_budgets_budget.this) == 0
    error_message = "Alarms are sent to no address unless one is given."
  }
}

run "recipients" {
  variables {
    alarm_emails       = ["night@example.com"]
    monthly_budget_usd = 300
  }

  assert {
    condition = (
      aws_sns_topic_subscription.email["night@example.com"].protocol == "email" &&
      aws_sns_topic_subscription.email["night@example.com"].topic_arn == aws_sns_topic.alarms.arn
    )
    error_message = "Mail goes to who was named."
  }

  assert {
    condition = (
      aws_budgets_budget.this[0].limit_amount == "300" &&
      alltrue([
        for notification in aws_budgets_budget.this[0].notification :
        notification.subscriber_email_addresses == toset(["night@example.com"])
      ])
    )
    error_message = "So does what it costs."
  }
}
