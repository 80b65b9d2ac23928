# The buckets for the drive and for logs: private, encrypted, only by TLS.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "private" {
  assert {
    condition = alltrue([
      for block in [aws_s3_bucket_public_access_block.drive, aws_s3_bucket_public_access_block.logs] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Nothing in either bucket can become public."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.drive.bucket == aws_s3_bucket.drive.id &&
      aws_s3_bucket_public_access_block.logs.bucket == aws_s3_bucket.logs.id &&
      aws_s3_bucket_policy.drive.bucket == aws_s3_bucket.drive.id && aws_s3_bucket_policy.logs.bucket == aws_s3_bucket.logs.id
    )
    error_message = "Each rule is that of its bucket."
  }

  assert {
    condition = alltrue([
      for control in [aws_s3_bucket_ownership_controls.drive, aws_s3_bucket_ownership_controls.logs] :
      control.rule[0].object_ownership == "BucketOwnerEnforced"
    ])
    error_message = "What lies in a bucket is its owner's."
  }

  assert {
    condition = (
      aws_s3_bucket.drive.bucket == "clouddrive-111122223333-eu-central-1" &&
      aws_s3_bucket.logs.bucket == "clouddrive-111122223333-eu-central-1-logs" &&
      !aws_s3_bucket.drive.force_destroy && !aws_s3_bucket.logs.force_destroy
    )
    error_message = "Names are free of clashes, and what is not empty is not deleted."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.drive.policy).Statement == [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
      Resource  = ["arn:aws:s3:::clouddrive-111122223333-eu-central-1", "arn:aws:s3:::clouddrive-111122223333-eu-central-1/*"]
    }]
    error_message = "The bucket's policy refuses what does not come by TLS, and grants no access."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : statement.Sid => join(" ", [
        statement.Effect, try(statement.Principal.Service, "*"), statement.Action,
        replace(try(tostring(statement.Resource), ""), "arn:aws:s3:::clouddrive-111122223333-eu-central-1-logs", "LOGS"),
      ])
      } == {
      TlsOnly      = "Deny * s3:* "
      LoadBalancer = "Allow logdelivery.elasticloadbalancing.amazonaws.com s3:PutObject LOGS/alb/AWSLogs/111122223333/*"
      Bucket       = "Allow logging.s3.amazonaws.com s3:PutObject LOGS/s3/*"
      FlowLogs     = "Allow delivery.logs.amazonaws.com s3:PutObject LOGS/AWSLogs/111122223333/vpcflowlogs/*"
      FlowLogsLook = "Allow delivery.logs.amazonaws.com s3:GetBucketAcl LOGS"
    }
    error_message = "Services of AWS write logs, each in its place, and nothing else does."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.logs.policy).Statement :
      statement.Condition.StringEquals["aws:SourceAccount"] == "111122223333"
      if contains(["Bucket", "FlowLogs", "FlowLogsLook"], statement.Sid)
    ])
    error_message = "They write those of this account."
  }
}

run "encrypted_and_cleared" {
  assert {
    condition = [
      for rule in concat(
        tolist(aws_s3_bucket_server_side_encryption_configuration.drive.rule),
        tolist(aws_s3_bucket_server_side_encryption_configuration.logs.rule),
      ) : rule.apply_server_side_encryption_by_default[0].sse_algorithm
    ] == ["AES256", "AES256"]
    error_message = "Both are encrypted."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.drive.rule : rule.id => [
        rule.status, rule.filter[0].prefix, try(rule.abort_incomplete_multipart_upload[0].days_after_initiation, 0),
        try(rule.noncurrent_version_expiration[0].noncurrent_days, 0),
      ]
      } == {
      unfinished-uploads = ["Enabled", "", 32, 0]
      probes             = ["Enabled", ".clouddrive-probe/", 0, 0]
      deleted            = ["Enabled", "", 0, 30]
    }
    error_message = "Unfinished uploads, left-over probes and deleted versions go."
  }

  # A rule that expires current objects would delete users' files.
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.drive.rule :
      try(coalesce(rule.expiration[0].days, 0), 0) == 0 || rule.filter[0].prefix == ".clouddrive-probe/"
    ])
    error_message = "No rule takes what is stored."
  }

  assert {
    condition = (
      one(aws_s3_bucket_lifecycle_configuration.logs.rule).expiration[0].days == 90 &&
      aws_s3_bucket_logging.drive.target_bucket == aws_s3_bucket.logs.id && aws_s3_bucket_logging.drive.target_prefix == "s3/"
    )
    error_message = "Downloads are logged, and logs go after a while."
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.drive) == 0 && length(aws_s3_bucket_cors_configuration.drive) == 0
    error_message = "No versions and no CORS unless told."
  }
}

run "what_can_be_told" {
  variables {
    bucket_name       = "example-drive"
    bucket_versioning = true
    cors_origins      = ["https://app.example.com"]
    kms_key_arn       = "arn:aws:kms:eu-central-1:111122223333:key/0123"
    force_destroy     = true
  }

  assert {
    condition = (
      aws_s3_bucket.drive.bucket == "example-drive" && aws_s3_bucket.logs.bucket == "example-drive-logs" &&
      aws_s3_bucket.drive.force_destroy && aws_s3_bucket.logs.force_destroy
    )
    error_message = "The name and force_destroy count."
  }

  assert {
    condition     = aws_s3_bucket_versioning.drive[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versions are kept."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.drive.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn && rule.bucket_key_enabled
    ]) && length(aws_s3_bucket_server_side_encryption_configuration.drive.rule) == 1
    error_message = "The bucket is encrypted with the key."
  }

  # As in docs/deployment.md, and as clouddrive doctor requires.
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_cors_configuration.drive[0].cors_rule :
      rule.allowed_origins == toset(["https://app.example.com"]) && rule.allowed_methods == toset(["GET", "PUT"]) &&
      rule.allowed_headers == toset(["*"]) &&
      rule.expose_headers == toset(["ETag", "Content-Range", "Content-Disposition", "Accept-Ranges"])
    ])
    error_message = "Pages of the origin may GET and PUT."
  }
}
