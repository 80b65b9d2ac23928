# The bucket of the drive, and one for logs. Only instances and holders of signed URLs can access the first; both are
# private. A non-empty bucket is not deleted without force_destroy: this is S3's own protection, and unlike
# prevent_destroy it lets the rest of a stack be destroyed.

locals {
  bucket = var.bucket_name == null ? "${var.name}-${local.account}-${var.region}" : var.bucket_name

  # By name, so that policies can refer to them before they exist.
  bucket_arn = "arn:${local.partition}:s3:::${local.bucket}"
  logs_arn   = "arn:${local.partition}:s3:::${local.bucket}-logs"

  # The first statement of every bucket policy.
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "s3:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_s3_bucket" "drive" {
  bucket        = local.bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "drive" {
  bucket = aws_s3_bucket.drive.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "drive" {
  bucket                  = aws_s3_bucket.drive.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "drive" {
  bucket = aws_s3_bucket.drive.id

  rule {
    # Without it, KMS is called and charged for every object.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "drive" {
  count  = var.bucket_versioning ? 1 : 0
  bucket = aws_s3_bucket.drive.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "drive" {
  bucket = aws_s3_bucket.drive.id

  # A second safeguard: the collector already aborts uploads.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_upload_days
    }
  }

  # Startup probes leave objects only if the startup was interrupted.
  rule {
    id     = "probes"
    status = "Enabled"

    filter {
      prefix = ".clouddrive-probe/"
    }

    expiration {
      days = 1
    }
  }

  # A bucket that was versioned before still has noncurrent versions, which must expire too.
  rule {
    id     = "deleted"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.drive]
}

resource "aws_s3_bucket_cors_configuration" "drive" {
  count  = length(var.cors_origins) > 0 ? 1 : 0
  bucket = aws_s3_bucket.drive.id

  cors_rule {
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "PUT"]
    allowed_headers = ["*"]
    expose_headers  = ["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_policy" "drive" {
  bucket = aws_s3_bucket.drive.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Resource = [local.bucket_arn, "${local.bucket_arn}/*"] })]
  })

  depends_on = [aws_s3_bucket_public_access_block.drive]
}

# Downloads by signed URL bypass the API: this is their only record.
resource "aws_s3_bucket_logging" "drive" {
  bucket        = aws_s3_bucket.drive.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "s3/"

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_s3_bucket" "logs" {
  bucket        = "${local.bucket}-logs"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Load balancers only write to buckets with this encryption.
resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "old-logs"
    status = "Enabled"

    filter {
      prefix = ""
    }

    expiration {
      days = var.access_log_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.tls_only, { Resource = [local.logs_arn, "${local.logs_arn}/*"] }),
      # The path ends in the account of the load balancer: this one.
      {
        Sid       = "LoadBalancer"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_arn}/alb/AWSLogs/${local.account}/*"
      },
      {
        Sid       = "Bucket"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_arn}/s3/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = local.bucket_arn }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      {
        Sid       = "FlowLogs"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_arn}/AWSLogs/${local.account}/vpcflowlogs/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:logs:${var.region}:${local.account}:*" }
          StringEquals = { "aws:SourceAccount" = local.account, "s3:x-amz-acl" = "bucket-owner-full-control" }
        }
      },
      {
        Sid       = "FlowLogsLook"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.logs_arn
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:logs:${var.region}:${local.account}:*" }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.logs]
}
