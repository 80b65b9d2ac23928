# The database, and the secret with its address.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "rds" {
  assert {
    condition = (
      aws_db_instance.this[0].engine == "postgres" && aws_db_instance.this[0].storage_encrypted &&
      !aws_db_instance.this[0].publicly_accessible && aws_db_instance.this[0].multi_az
    )
    error_message = "The database is encrypted, private and stands in two zones."
  }

  assert {
    condition = (
      aws_db_instance.this[0].backup_retention_period == 14 && aws_db_instance.this[0].deletion_protection &&
      !aws_db_instance.this[0].skip_final_snapshot && aws_db_instance.this[0].final_snapshot_identifier == "clouddrive-final" &&
      !aws_db_instance.this[0].delete_automated_backups && aws_db_instance.this[0].copy_tags_to_snapshot
    )
    error_message = "It is backed up, and does not go without a snapshot."
  }

  assert {
    condition = {
      for parameter in aws_db_parameter_group.this[0].parameter : parameter.name => parameter.value
    } == { "rds.force_ssl" = "1", lc_messages = "C", max_connections = "200" }
    error_message = "TLS is a must, messages are English, connections are bounded."
  }

  assert {
    condition = (
      aws_db_parameter_group.this[0].family == "postgres17" && aws_db_instance.this[0].engine_version == "17" &&
      aws_db_instance.this[0].parameter_group_name == aws_db_parameter_group.this[0].name
    )
    error_message = "The parameters are those of the version, and the database has them."
  }

  assert {
    condition = (
      aws_db_instance.this[0].password == null && aws_db_instance.this[0].password_wo_version == 1 &&
      aws_secretsmanager_secret_version.api.secret_string_wo_version == 1
    )
    error_message = "The password is written, and not kept."
  }

  assert {
    condition = (
      aws_db_instance.this[0].performance_insights_enabled &&
      toset(aws_db_instance.this[0].enabled_cloudwatch_logs_exports) == toset(["postgresql", "upgrade"])
    )
    error_message = "What the database does can be seen."
  }

  assert {
    condition = alltrue([
      for kind, group in aws_cloudwatch_log_group.database : group.name == "/aws/rds/instance/clouddrive/${kind}" &&
      group.retention_in_days == 90
    ]) && length(aws_cloudwatch_log_group.database) == 2
    error_message = "Its logs go after a while."
  }
}

run "the_secret_of_rds" {
  assert {
    condition = output.secret_names == [
      "AWS_REGION", "DATABASE", "DATABASE_SSLMODE", "DATABASE_SSLROOTCERT", "HOST", "PASSWORD", "PORT", "S3_BUCKET_NAME",
      "SECRET_KEY", "USER",
    ]
    error_message = "The secret has the variables that the server reads, and no other."
  }

  assert {
    condition = (
      nonsensitive(local.secret["DATABASE"]) == "clouddrive" && nonsensitive(local.secret["USER"]) == "clouddrive" &&
      nonsensitive(local.secret["HOST"]) == "clouddrive.x.eu-central-1.rds.amazonaws.com" &&
      nonsensitive(local.secret["PORT"]) == "5432" && nonsensitive(local.secret["DATABASE_SSLMODE"]) == "verify-full" &&
      nonsensitive(local.secret["DATABASE_SSLROOTCERT"]) == "/etc/ssl/database.pem" &&
      nonsensitive(local.secret["AWS_REGION"]) == "eu-central-1" &&
      nonsensitive(local.secret["S3_BUCKET_NAME"]) == aws_s3_bucket.drive.id
    )
    error_message = "They lead to the database and the bucket."
  }

  assert {
    condition = (
      can(regex("^[0-9a-f]{64}$", nonsensitive(local.password))) &&
      can(regex("^[0-9a-f]{64}$", nonsensitive(local.secret_key))) &&
      nonsensitive(local.password) != nonsensitive(local.secret_key) && nonsensitive(local.secret["PASSWORD"] == local.password)
    )
    error_message = "Password and key are random, and no two the same; the password of the secret is that of the database."
  }

  assert {
    condition = (
      aws_secretsmanager_secret.api.name == "clouddrive/env" && aws_secretsmanager_secret.api.recovery_window_in_days == 30 &&
      aws_secretsmanager_secret_version.api.secret_id == aws_secretsmanager_secret.api.id &&
      contains(aws_secretsmanager_secret_version.api.version_stages, "TERRAFORM")
    )
    error_message = "The secret can be brought back, and what Terraform wrote keeps its label."
  }
}

# Both or none: a password set in only one of them locks the server out.
run "written_anew" {
  variables {
    secret_generation = 2
  }

  assert {
    condition = (
      aws_db_instance.this[0].password_wo_version == 2 && aws_secretsmanager_secret_version.api.secret_string_wo_version == 2
    )
    error_message = "Database and secret are written together."
  }
}

run "smaller_and_with_a_key" {
  variables {
    database_multi_az = false
    kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/0123"
    database_version  = "16"
  }

  assert {
    condition = (
      !aws_db_instance.this[0].multi_az && aws_db_instance.this[0].kms_key_id == var.kms_key_arn &&
      aws_secretsmanager_secret.api.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.api.kms_key_id == var.kms_key_arn &&
      aws_db_parameter_group.this[0].family == "postgres16"
    )
    error_message = "One zone, the key everywhere, another version."
  }
}

run "a_database_elsewhere" {
  variables {
    external_database = { cidrs = ["192.0.2.10/32"], port = 6432 }
  }

  assert {
    condition = (
      length(aws_db_instance.this) + length(aws_db_subnet_group.this) + length(aws_db_parameter_group.this) +
      length(aws_security_group.database) + length(aws_vpc_security_group_ingress_rule.database_from_api) +
      length(aws_vpc_security_group_egress_rule.api_to_database) + length(aws_cloudwatch_log_group.database) == 0
    )
    error_message = "There is no RDS, and nothing of it."
  }

  assert {
    condition     = output.secret_names == ["AWS_REGION", "DATABASE_URL", "S3_BUCKET_NAME", "SECRET_KEY"]
    error_message = "The secret has the URL in the place of the parts."
  }

  assert {
    condition     = local.secret["DATABASE_URL"] == "postgres://ann:hush@db.example.com/drive?sslmode=require"
    error_message = "The URL is the one that was given."
  }

  assert {
    condition = alltrue([
      for cidr, rule in aws_vpc_security_group_egress_rule.api_to_external_database :
      cidr == "192.0.2.10/32" && rule.cidr_ipv4 == cidr && rule.from_port == 6432 && rule.to_port == 6432
    ]) && length(aws_vpc_security_group_egress_rule.api_to_external_database) == 1
    error_message = "Instances reach it, at its port alone."
  }

  assert {
    condition     = strcontains(module.boot.script, "CA_BUNDLE=''\n") && !strcontains(module.boot.script, "hush")
    error_message = "There are no roots of RDS, and the URL stands nowhere else."
  }

  assert {
    condition     = !anytrue([for name in keys(local.alarms) : startswith(name, "database")])
    error_message = "No alarm looks at what is not there."
  }
}
