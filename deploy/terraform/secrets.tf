# The secret that the server reads (AWS_SECRET_NAME): a JSON object of its variables.
#
# Terraform writes it once, with the database's password in the same run. After that, edit it and roll out; an apply
# never reverts that. Only secret_generation makes Terraform write again.
#
# State and plan contain none of it: password_wo and secret_string_wo are write-only arguments. Their values come from
# uuid(), which takes 16 bytes from the system's random number generator and differs in every run; a local value is
# evaluated once per run, so RDS and the secret get the same. (An ephemeral aws_secretsmanager_random_password would
# work too, but terraform test cannot mock one.)

locals {
  password   = sensitive(sha256("password ${uuid()} ${uuid()} ${uuid()}"))
  secret_key = sensitive(sha256("key ${uuid()} ${uuid()} ${uuid()}"))

  database = local.rds ? tomap({
    DATABASE             = aws_db_instance.this[0].db_name
    HOST                 = aws_db_instance.this[0].address
    PORT                 = tostring(local.database_port)
    USER                 = aws_db_instance.this[0].username
    PASSWORD             = local.password
    DATABASE_SSLMODE     = "verify-full"
    DATABASE_SSLROOTCERT = local.ca_path
    }) : tomap({
    DATABASE_URL = var.database_url
  })

  secret = merge(local.database, {
    S3_BUCKET_NAME = aws_s3_bucket.drive.id
    AWS_REGION     = var.region
    SECRET_KEY     = local.secret_key
  })
}

resource "aws_secretsmanager_secret" "api" {
  name                    = "${var.name}/env"
  description             = "Variables of CloudDrive: one JSON object. Instances read it when they start."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret_version" "api" {
  secret_id                = aws_secretsmanager_secret.api.id
  secret_string_wo         = jsonencode(local.secret)
  secret_string_wo_version = var.secret_generation

  # A version without a label is eventually deleted, and Terraform would then write again. AWSCURRENT moves with your
  # edits.
  version_stages = ["AWSCURRENT", "TERRAFORM"]

  lifecycle {
    ignore_changes = [version_stages]
  }
}
