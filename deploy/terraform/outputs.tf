output "url" {
  description = "Where the API is."
  value       = "https://${var.domain_name}"
}

output "load_balancer_name" {
  description = "The name of the load balancer: without zone_id, make the domain a CNAME (or ALIAS) of it."
  value       = aws_lb.this.dns_name
}

output "group" {
  description = "The auto-scaling group, for deploy/rollout --group."
  value       = aws_autoscaling_group.api.name
}

output "image_parameter" {
  description = "The SSM parameter that names the image."
  value       = aws_ssm_parameter.image.name
}

output "deploy_role_arn" {
  description = "The role of the workflow that rolls out, if there is one."
  value       = one(aws_iam_role.deploy[*].arn)
}

output "bucket" {
  description = "The bucket of the drive."
  value       = aws_s3_bucket.drive.id
}

output "log_bucket" {
  description = "The bucket with the logs of load balancer, bucket and VPC."
  value       = aws_s3_bucket.logs.id
}

output "secret" {
  description = "The secret with the server's variables."
  value       = aws_secretsmanager_secret.api.name
}

output "secret_names" {
  description = "Which variables Terraform wrote into it."
  value       = keys(local.secret)
}

output "database" {
  description = "Where the database is, if it is RDS."
  value       = one(aws_db_instance.this[*].endpoint)
}

output "database_security_group_id" {
  description = "The security group that lets instances reach the database, for one that is restored beside it."
  value       = one(aws_security_group.database[*].id)
}

output "instance_security_group_id" {
  description = "The security group of instances."
  value       = aws_security_group.api.id
}

output "log_group" {
  description = "The log of the server in CloudWatch."
  value       = aws_cloudwatch_log_group.api.name
}

output "alarm_topic_arn" {
  description = "Where alarms go."
  value       = aws_sns_topic.alarms.arn
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}
