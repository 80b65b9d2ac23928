# PostgreSQL on RDS; none with external_database.

locals {
  rds = var.external_database == null

  # The path of the database's root certificates in the container, and where instances download them.
  ca_path = "/etc/ssl/database.pem"
  ca_bundle = var.database_ca_bundle != null ? var.database_ca_bundle : (
    local.rds ? "https://truststore.pki.rds.amazonaws.com/${var.region}/${var.region}-bundle.pem" : ""
  )
}

resource "aws_db_subnet_group" "this" {
  count      = local.rds ? 1 : 0
  name       = var.name
  subnet_ids = aws_subnet.isolated[*].id
}

resource "aws_db_parameter_group" "this" {
  count       = local.rds ? 1 : 0
  name_prefix = "${var.name}-${var.database_version}-"
  family      = "postgres${var.database_version}"
  description = "CloudDrive on PostgreSQL ${var.database_version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # The server recognises deadlocks and timeouts by their English messages.
  parameter {
    name  = "lc_messages"
    value = "C"
  }

  parameter {
    name         = "max_connections"
    value        = tostring(var.database_max_connections)
    apply_method = "pending-reboot"
  }

  # The database uses the old one until it has switched to the new one.
  lifecycle {
    create_before_destroy = true
  }
}

# RDS would create them without a retention limit.
resource "aws_cloudwatch_log_group" "database" {
  for_each          = toset(local.rds ? ["postgresql", "upgrade"] : [])
  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_db_instance" "this" {
  count      = local.rds ? 1 : 0
  identifier = var.name

  engine                     = "postgres"
  engine_version             = var.database_version
  auto_minor_version_upgrade = true
  instance_class             = var.database_instance_class
  parameter_group_name       = aws_db_parameter_group.this[0].name
  # A newer root may sign the certificate later; instances trust the whole bundle.
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  # The role owns the database, and the server uses it unless you create another: see the README. The password goes to
  # RDS and into the secret in the same run, and is stored nowhere else.
  db_name             = "clouddrive"
  username            = "clouddrive"
  password_wo         = local.password
  password_wo_version = var.secret_generation

  multi_az               = var.database_multi_az
  db_subnet_group_name   = aws_db_subnet_group.this[0].name
  vpc_security_group_ids = [aws_security_group.database[0].id]
  publicly_accessible    = false
  port                   = local.database_port

  storage_type          = "gp3"
  allocated_storage     = var.database_storage_gib
  max_allocated_storage = var.database_max_storage_gib
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  backup_retention_period   = var.database_backup_days
  backup_window             = "02:00-03:00"
  maintenance_window        = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = var.final_snapshot_identifier == null ? "${var.name}-final" : var.final_snapshot_identifier

  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  performance_insights_enabled          = true
  performance_insights_retention_period = 7
  performance_insights_kms_key_id       = var.kms_key_arn

  depends_on = [aws_cloudwatch_log_group.database]
}
