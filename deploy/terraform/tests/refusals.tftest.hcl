# Invalid variables are refused before anything is created.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "no_certificate" {
  command = plan
  variables {
    zone_id = null
  }
  expect_failures = [var.certificate_arn]
}

run "old_tls" {
  command = plan
  variables {
    ssl_policy = "ELBSecurityPolicy-2016-08"
  }
  expect_failures = [var.ssl_policy]
}

run "a_delay_that_is_shorter_than_the_stop" {
  command = plan
  variables {
    deregistration_delay = 35
  }
  expect_failures = [var.deregistration_delay]
}

run "too_few_connections" {
  command = plan
  variables {
    max_size = 8
  }
  expect_failures = [var.database_max_connections]
}

run "no_backups" {
  command = plan
  variables {
    database_backup_days = 0
  }
  expect_failures = [var.database_backup_days]
}

run "a_database_anywhere" {
  command = plan
  variables {
    external_database = { cidrs = ["0.0.0.0/0"] }
  }
  expect_failures = [var.external_database]
}

run "a_secret_in_the_environment" {
  command = plan
  variables {
    environment = { PREVIOUS_SECRET_KEY = "x" }
  }
  expect_failures = [var.environment]
}

run "two_lines_in_the_environment" {
  command = plan
  variables {
    environment = { RUST_LOG = "info\nSECRET=1" }
  }
  expect_failures = [var.environment]
}

run "every_environment_of_the_repository" {
  command = plan
  variables {
    github_repository  = "example/clouddrive"
    github_environment = "*"
  }
  expect_failures = [var.github_environment]
}

run "an_image_without_a_version" {
  command = plan
  variables {
    image = "docker.io/example/clouddrive"
  }
  expect_failures = [var.image]
}

run "an_image_out_of_reach" {
  command = plan
  variables {
    nat_gateways       = 0
    database_ca_bundle = "s3://example-certificates/rds.pem"
  }
  expect_failures = [var.nat_gateways]
}

run "roots_out_of_reach" {
  command = plan
  variables {
    nat_gateways       = 0
    image              = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/clouddrive:1.0.0"
    ecr_repository_arn = "arn:aws:ecr:eu-central-1:111122223333:repository/clouddrive"
  }
  expect_failures = [var.database_ca_bundle]
}

run "an_image_that_may_not_be_pulled" {
  command = plan
  variables {
    image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/clouddrive:1.0.0"
  }
  expect_failures = [var.ecr_repository_arn]
}

run "origins_with_an_asterisk" {
  command = plan
  variables {
    cors_origins = ["https://*"]
  }
  expect_failures = [var.cors_origins]
}

run "a_budget_without_recipients" {
  command = plan
  variables {
    monthly_budget_usd = 100
  }
  expect_failures = [var.monthly_budget_usd]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_days = 100
  }
  expect_failures = [var.log_days]
}
