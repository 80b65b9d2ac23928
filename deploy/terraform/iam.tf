# Permissions. The first list is that of crates/adapters/s3/README.md, action by action.

locals {
  group_arn = join(":", [
    "arn", local.partition, "autoscaling", var.region, local.account, "autoScalingGroup", "*", "autoScalingGroupName/${var.name}",
  ])

  instance_rights = concat([
    {
      Sid      = "Bucket"
      Effect   = "Allow"
      Action   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource = [local.bucket_arn]
    },
    {
      Sid    = "Objects"
      Effect = "Allow"
      Action = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject",
      ]
      Resource = ["${local.bucket_arn}/blobs/*", "${local.bucket_arn}/.clouddrive-probe/*"]
    },
    {
      # Used by clouddrive doctor, never by the server.
      Sid      = "Doctor"
      Effect   = "Allow"
      Action   = ["s3:GetBucketCORS", "s3:GetLifecycleConfiguration"]
      Resource = [local.bucket_arn]
    },
    {
      Sid      = "Secret"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [aws_secretsmanager_secret.api.arn]
    },
    {
      Sid      = "Image"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = [aws_ssm_parameter.image.arn]
    },
    {
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.api.arn}:*"]
    },
    {
      Sid      = "Boot"
      Effect   = "Allow"
      Action   = ["autoscaling:CompleteLifecycleAction"]
      Resource = [local.group_arn]
    },
    {
      # Calls of the Session Manager agent, which do not support resources. AWS's AmazonSSMManagedInstanceCore would
      # also allow reading every parameter of the account.
      Sid    = "Sessions"
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = ["*"]
    },
    ],
    var.ecr_repository_arn == null ? [] : [
      {
        Sid      = "Registry"
        Effect   = "Allow"
        Action   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [var.ecr_repository_arn]
      },
      {
        # Does not support resources.
        Sid      = "RegistryLogin"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
    ],
    startswith(local.ca_bundle, "s3://") ? [
      {
        Sid      = "Roots"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:${local.partition}:s3:::${trimprefix(local.ca_bundle, "s3://")}"]
      },
    ] : [],
    var.kms_key_arn == null ? [] : [
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
        Condition = {
          StringEquals = { "kms:ViaService" = ["s3.${var.region}.amazonaws.com", "secretsmanager.${var.region}.amazonaws.com"] }
        }
      },
    ],
  )
}

resource "aws_iam_role" "instance" {
  name        = "${var.name}-instance-${var.region}"
  description = "Instances of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "instance" {
  name   = "clouddrive"
  role   = aws_iam_role.instance.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.instance_rights })
}

resource "aws_iam_instance_profile" "instance" {
  name = "${var.name}-instance-${var.region}"
  role = aws_iam_role.instance.name
}

# Jobs of one environment of one repository may do what deploy/rollout does, for the lifetime of their token.

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.github_repository != null && var.github_oidc_provider_arn == null ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  count       = var.github_repository == null ? 0 : 1
  name        = "${var.name}-deploy-${var.region}"
  description = "deploy/rollout of ${var.name}, by workflows of ${var.github_repository}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = coalesce(var.github_oidc_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)) }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${var.github_repository}:environment:${var.github_environment}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  count = var.github_repository == null ? 0 : 1
  name  = "rollout"
  role  = aws_iam_role.deploy[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:PutParameter"]
        Resource = [aws_ssm_parameter.image.arn]
      },
      {
        Sid    = "Refresh"
        Effect = "Allow"
        Action = [
          "autoscaling:CancelInstanceRefresh", "autoscaling:SetInstanceProtection", "autoscaling:StartInstanceRefresh",
        ]
        Resource = [local.group_arn]
      },
      {
        # Read-only actions, which do not support resources.
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes",
          "elasticloadbalancing:DescribeTargetHealth",
        ]
        Resource = ["*"]
      },
    ]
  })
}
