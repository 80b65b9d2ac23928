# Permissions, action by action and resource by resource.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "instances" {
  # crates/adapters/s3/README.md, docs/deployment.md, and the calls of boot.sh and Session Manager.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.instance.policy).Statement : statement.Sid => statement.Action
      } == {
      Bucket = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Objects = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject",
      ]
      Doctor = ["s3:GetBucketCORS", "s3:GetLifecycleConfiguration"]
      Secret = ["secretsmanager:GetSecretValue"]
      Image  = ["ssm:GetParameter"]
      Logs   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Boot   = ["autoscaling:CompleteLifecycleAction"]
      Sessions = [
        "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
    }
    error_message = "Instances may do what they do, and nothing else."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.instance.policy).Statement : statement.Sid => statement.Resource
      } == {
      Bucket = ["arn:aws:s3:::clouddrive-111122223333-eu-central-1"]
      Objects = [
        "arn:aws:s3:::clouddrive-111122223333-eu-central-1/blobs/*",
        "arn:aws:s3:::clouddrive-111122223333-eu-central-1/.clouddrive-probe/*",
      ]
      Doctor   = ["arn:aws:s3:::clouddrive-111122223333-eu-central-1"]
      Secret   = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:clouddrive/env-AbCdEf"]
      Image    = ["arn:aws:ssm:eu-central-1:111122223333:parameter/clouddrive/clouddrive/image"]
      Logs     = ["arn:aws:logs:eu-central-1:111122223333:log-group:/clouddrive/clouddrive:*"]
      Boot     = ["arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:*:autoScalingGroupName/clouddrive"]
      Sessions = ["*"]
    }
    error_message = "Each right is that to one thing, where AWS knows things."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.instance.policy).Statement : statement.Effect == "Allow"
    ])
    error_message = "Rights are all that the policy gives."
  }

  assert {
    condition = jsondecode(aws_iam_role.instance.assume_role_policy).Statement == [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" }
    }]
    error_message = "Only instances have the role."
  }

  assert {
    condition     = length(aws_iam_role.deploy) + length(aws_iam_openid_connect_provider.github) == 0
    error_message = "No role for workflows unless told."
  }
}

run "more_where_it_is_told" {
  variables {
    image              = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/clouddrive:1.0.0"
    ecr_repository_arn = "arn:aws:ecr:eu-central-1:111122223333:repository/clouddrive"
    database_ca_bundle = "s3://example-certificates/rds/eu-central-1.pem"
    kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/0123"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.instance.policy).Statement :
      statement.Sid => [statement.Action, statement.Resource]
      if contains(["Registry", "RegistryLogin", "Roots", "Key"], statement.Sid)
      } == {
      Registry = [
        ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], ["arn:aws:ecr:eu-central-1:111122223333:repository/clouddrive"],
      ]
      RegistryLogin = [["ecr:GetAuthorizationToken"], ["*"]]
      Roots         = [["s3:GetObject"], ["arn:aws:s3:::example-certificates/rds/eu-central-1.pem"]]
      Key           = [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:111122223333:key/0123"]]
    }
    error_message = "Instances may pull, fetch the roots and use the key."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.instance.policy).Statement :
      statement.Condition.StringEquals["kms:ViaService"] == [
        "s3.eu-central-1.amazonaws.com", "secretsmanager.eu-central-1.amazonaws.com",
      ]
      if statement.Sid == "Key"
    ])
    error_message = "The key is for the bucket and the secret."
  }
}

run "workflows" {
  variables {
    github_repository = "example/clouddrive"
  }

  # The calls of deploy/rollout.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.deploy[0].policy).Statement :
      statement.Sid => [statement.Effect, statement.Action, statement.Resource]
      } == {
      Image = [
        "Allow", ["ssm:GetParameter", "ssm:PutParameter"],
        ["arn:aws:ssm:eu-central-1:111122223333:parameter/clouddrive/clouddrive/image"],
      ]
      Refresh = [
        "Allow", ["autoscaling:CancelInstanceRefresh", "autoscaling:SetInstanceProtection", "autoscaling:StartInstanceRefresh"],
        ["arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:*:autoScalingGroupName/clouddrive"],
      ]
      Look = [
        "Allow",
        [
          "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes",
          "elasticloadbalancing:DescribeTargetHealth",
        ],
        ["*"],
      ]
    }
    error_message = "Workflows may roll out, and nothing else."
  }

  assert {
    condition = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:example/clouddrive:environment:production"
        }
      }
    }]
    error_message = "The role is that of one environment of one repository."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "GitHub's tokens are for AWS."
  }
}

run "workflows_by_a_provider_that_is_there" {
  variables {
    github_repository        = "example/clouddrive"
    github_environment       = "staging"
    github_oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/theirs"
  }

  assert {
    condition = (
      length(aws_iam_openid_connect_provider.github) == 0 &&
      alltrue([
        for statement in jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement :
        statement.Principal.Federated == "arn:aws:iam::111122223333:oidc-provider/theirs" &&
        endswith(statement.Condition.StringEquals["token.actions.githubusercontent.com:sub"], ":environment:staging")
      ])
    )
    error_message = "The provider of the account and the environment count."
  }
}
