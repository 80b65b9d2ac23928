# The table in README.md repeats every variable verbatim, which ./check verifies. So a description and a default are one
# line each.

# Required.

variable "region" {
  description = "The region of all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region is a name such as eu-central-1."
  }
}

variable "domain_name" {
  description = "The name by which clients reach the API, such as drive.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "The domain is a full name in small letters, without a scheme and a path."
  }
}

variable "image" {
  description = "The image of the first instances, preferably by digest (NAME@sha256:…). After that, deploy/rollout sets it."
  type        = string

  # The instance and deploy/rollout accept no other characters.
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "The image is a name with a tag or a digest, such as docker.io/example/clouddrive:1.0.0."
  }
}

# Names.

variable "name" {
  description = "The name of everything: the auto-scaling group, the parameter /clouddrive/NAME/image, the roles."
  type        = string
  default     = "clouddrive"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 20 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "tags" {
  description = "Tags of all resources, besides Application and Stack."
  type        = map(string)
  default     = {}
}

# Domain and certificate.

variable "zone_id" {
  description = "The Route 53 zone for the records of the domain and its certificate. None: create them yourself."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "An ACM certificate for the domain, in this region. None: one is created and renewed, which needs zone_id."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn != null || var.zone_id != null
    error_message = "Set zone_id, for a certificate that is made and validated, or certificate_arn."
  }
}

variable "ssl_policy" {
  description = "The TLS policy of the load balancer, with TLS 1.2 or later as the minimum."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "The policy is one of ELBSecurityPolicy-TLS13-1-2-… and -1-3-…: no earlier TLS."
  }
}

variable "web_acl_arn" {
  description = "A regional AWS WAF web ACL for the load balancer. It must allow bodies of any size, for uploads."
  type        = string
  default     = null
}

# Network.

variable "vpc_cidr" {
  description = "The addresses of the VPC: a /16 to /24, cut into sixteenths."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition = (
      can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 &&
      try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 24
    )
    error_message = "The VPC is an IPv4 range from /16 to /24."
  }
}

variable "availability_zones" {
  description = "The two zones. None: the first two of the region. Set it before you need it: other zones mean other subnets."
  type        = list(string)
  default     = []

  validation {
    condition     = contains([0, 2], length(distinct(var.availability_zones)))
    error_message = "There are two zones."
  }
}

variable "nat_gateways" {
  description = "1: one for both zones. 2: one for each. 0: none, endpoints instead; image in ECR, database_ca_bundle in S3."
  type        = number
  default     = 1

  validation {
    condition     = contains([0, 1, 2], var.nat_gateways)
    error_message = "There are 0, 1 or 2 NAT gateways."
  }

  validation {
    condition     = var.nat_gateways > 0 || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.", var.image))
    error_message = "Without a NAT gateway instances reach no registry but ECR."
  }
}

variable "allowed_cidrs" {
  description = "Networks that may call the API."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "Each is an IPv4 range, such as 203.0.113.0/24."
  }
}

variable "flow_logs" {
  description = "Which connections of the VPC are logged to the log bucket: REJECT, ALL or off."
  type        = string
  default     = "REJECT"

  validation {
    condition     = contains(["REJECT", "ALL", "off"], var.flow_logs)
    error_message = "REJECT, ALL or off."
  }
}

# Instances.

variable "instance_type" {
  description = "The instance type. The image must support its architecture, x86-64 or arm64."
  type        = string
  default     = "t3.small"
}

variable "ami_id" {
  description = "An AMI like Amazon Linux 2023. None: the newest, and an apply replaces instances when there is a newer one."
  type        = string
  default     = null
}

variable "min_size" {
  description = "The minimum number of instances."
  type        = number
  default     = 2

  validation {
    condition     = var.min_size >= 1 && floor(var.min_size) == var.min_size
    error_message = "There is at least one instance."
  }
}

variable "max_size" {
  description = "The maximum number of instances; up to twice as many while instances are replaced."
  type        = number
  default     = 4

  validation {
    condition     = var.max_size >= var.min_size && floor(var.max_size) == var.max_size
    error_message = "The most must not be fewer than the fewest."
  }
}

variable "target_cpu_percent" {
  description = "The target CPU load, kept by starting and terminating instances."
  type        = number
  default     = 60

  validation {
    condition     = var.target_cpu_percent >= 10 && var.target_cpu_percent <= 90
    error_message = "From 10 to 90."
  }
}

variable "root_volume_gib" {
  description = "The disk of an instance: system, image, and Docker's log buffer. No data of the drive."
  type        = number
  default     = 16

  validation {
    condition     = var.root_volume_gib >= 8
    error_message = "Amazon Linux needs 8 GiB."
  }
}

variable "boot_seconds" {
  description = "How long a new instance may take from its first command until it is ready, before it is terminated."
  type        = number
  default     = 600

  # A lifecycle hook waits for at most two hours; 300 s are reserved for the time before and after.
  validation {
    condition     = var.boot_seconds >= 120 && var.boot_seconds <= 6900
    error_message = "From 120 to 6900 seconds."
  }
}

variable "drain_seconds" {
  description = "DRAIN_SECONDS: how long a stopping instance still accepts requests while it reports not ready."
  type        = number
  default     = 5

  validation {
    condition     = var.drain_seconds >= 0 && var.drain_seconds <= 3600
    error_message = "From 0 to 3600 seconds."
  }
}

variable "shutdown_seconds" {
  description = "SHUTDOWN_SECONDS: how long running requests may take after that."
  type        = number
  default     = 30

  validation {
    condition     = var.shutdown_seconds >= 0 && var.shutdown_seconds <= 3600
    error_message = "From 0 to 3600 seconds."
  }
}

variable "deregistration_delay" {
  description = "How long requests on an instance may run before it is terminated: the longest upload by form."
  type        = number
  default     = 300

  validation {
    condition     = var.deregistration_delay > var.drain_seconds + var.shutdown_seconds && var.deregistration_delay <= 3600
    error_message = "More than drain_seconds + shutdown_seconds, and 3600 at the most."
  }
}

variable "idle_timeout" {
  description = "The load balancer's idle timeout. A form upload is idle while S3 completes it: up to 150 s."
  type        = number
  default     = 180

  validation {
    condition     = var.idle_timeout > 60 && var.idle_timeout <= 3580
    error_message = "More than 60 seconds, and 3580 at the most: the server waits 20 seconds longer."
  }
}

variable "environment" {
  description = "More variables of the server, such as RUST_LOG. No secrets: they are visible in the launch template."
  type        = map(string)
  default     = {}

  validation {
    condition = (
      alltrue([for name, value in var.environment : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("[\\r\\n]", value))])
    )
    error_message = "Names are in capitals, values in one line."
  }

  validation {
    condition = !anytrue([
      for name in keys(var.environment) :
      can(regex("PASSWORD|SECRET_KEY|SECRET_ACCESS_KEY|SESSION_TOKEN|DATABASE_URL", name))
    ])
    error_message = "What is secret belongs in the secret, not here."
  }
}

variable "metrics_security_groups" {
  description = "The security groups of scrapers that may read the metrics, on port 9464. None: only the machine itself."
  type        = list(string)
  default     = []
}

variable "otlp" {
  description = "Your OTLP endpoint for traces, and the addresses and port at which instances may reach it."
  type        = object({ endpoint = string, cidr = string, port = number })
  default     = null

  validation {
    condition     = var.otlp == null || try(can(regex("^https?://", var.otlp.endpoint)) && can(cidrnetmask(var.otlp.cidr)), false)
    error_message = "The endpoint is a URL, and cidr an IPv4 range."
  }
}

# The bucket.

variable "bucket_name" {
  description = "The bucket of the drive. None: NAME-ACCOUNT-REGION. One with the suffix -logs is created too."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.bucket_name))
    error_message = "3 to 58 small letters, digits and hyphens."
  }
}

variable "cors_origins" {
  description = "Origins whose pages may use the API and the bucket, such as https://app.example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[^/* ,]+$", origin))])
    error_message = "An origin is a scheme and a host, without a path and without an asterisk."
  }
}

variable "bucket_versioning" {
  description = "Whether the bucket keeps deleted objects for noncurrent_days, against mistakes; the drive never overwrites."
  type        = bool
  default     = false
}

variable "noncurrent_days" {
  description = "How many days a versioned bucket keeps deleted objects. They cost the same as current ones."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "At least one day."
  }
}

variable "abort_upload_days" {
  description = "After how many days S3 aborts uploads that the collector has not. An upload may stay open for 30."
  type        = number
  default     = 32

  validation {
    condition     = var.abort_upload_days >= 31
    error_message = "At least 31 days: an upload may stay open for 30."
  }
}

variable "kms_key_arn" {
  description = "Your KMS key for bucket, secret, database and logs. None: AWS keys, and SSE-S3 for the bucket."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether terraform destroy may delete non-empty buckets. Otherwise it fails on them."
  type        = bool
  default     = false
}

# The database.

variable "external_database" {
  description = "An external database instead of RDS: the addresses and port at which instances may reach it. See database_url."
  type        = object({ cidrs = list(string), port = optional(number, 5432) })
  default     = null

  validation {
    condition = (
      var.external_database == null || try(length(var.external_database.cidrs) > 0 &&
      alltrue([for cidr in var.external_database.cidrs : can(cidrnetmask(cidr)) && cidr != "0.0.0.0/0"]), false)
    )
    error_message = "The addresses are IPv4 ranges, and not all of them."
  }
}

variable "database_url" {
  description = "The URL of the external database, for the run that writes the secret (TF_VAR_database_url). Only stored there."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.database_url == null || can(regex("^postgres(ql)?://", var.database_url))
    error_message = "The URL begins with postgres://."
  }
}

variable "database_ca_bundle" {
  description = "Location of the database's root certificates, https:// or s3://BUCKET/KEY. None: with RDS, from AWS."
  type        = string
  default     = null

  validation {
    condition     = var.database_ca_bundle == null || can(regex("^(https|s3)://[^/ ]+/[^ *?]+$", var.database_ca_bundle))
    error_message = "An https:// URL or s3://BUCKET/KEY."
  }

  validation {
    condition = (
      var.nat_gateways > 0 || (var.external_database != null && var.database_ca_bundle == null) ||
      can(regex("^s3://", var.database_ca_bundle))
    )
    error_message = "Without a NAT gateway instances reach S3 alone: put the bundle there, and name it as s3://BUCKET/KEY."
  }
}

variable "database_version" {
  description = "The major version of PostgreSQL; minor versions are upgraded automatically."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^1[3-9]$", var.database_version))
    error_message = "13 or later, without a minor version."
  }
}

variable "database_instance_class" {
  description = "The class of the database."
  type        = string
  default     = "db.t4g.small"
}

variable "database_storage_gib" {
  description = "The initial storage of the database."
  type        = number
  default     = 20

  validation {
    condition     = var.database_storage_gib >= 20
    error_message = "RDS gives 20 GiB at the least."
  }
}

variable "database_max_storage_gib" {
  description = "The maximum to which the database's storage grows automatically."
  type        = number
  default     = 100

  validation {
    condition     = var.database_max_storage_gib >= 1.1 * var.database_storage_gib
    error_message = "A tenth more than database_storage_gib, at the least."
  }
}

variable "database_multi_az" {
  description = "Whether there is a standby database in the other zone. It doubles the cost of the database."
  type        = bool
  default     = true
}

variable "database_backup_days" {
  description = "How many days RDS keeps backups; the database can be restored to any second of that time."
  type        = number
  default     = 14

  validation {
    condition     = var.database_backup_days >= 1 && var.database_backup_days <= 35
    error_message = "From 1 to 35: never without backups."
  }
}

variable "database_connections" {
  description = "DATABASE_CONNECTIONS: the maximum connections of an instance; it opens one more while it migrates."
  type        = number
  default     = 16

  validation {
    condition     = var.database_connections >= 1 && var.database_connections <= 1000
    error_message = "From 1 to 1000."
  }
}

variable "database_max_connections" {
  description = "The database's maximum connections, about 10 MiB of memory each. A change needs a reboot of the database."
  type        = number
  default     = 200

  validation {
    condition = (
      var.external_database != null || var.database_max_connections >= 2 * var.max_size * (var.database_connections + 1) + 10
    )
    error_message = "At least 2 × max_size × (database_connections + 1), for twice the instances during a rollout, and 10 for people."
  }
}

variable "deletion_protection" {
  description = "Whether RDS and the load balancer are protected from deletion."
  type        = bool
  default     = true
}

variable "final_snapshot_identifier" {
  description = "The snapshot taken when the database is deleted. None: NAME-final. It must not exist yet."
  type        = string
  default     = null
}

# The secret.

variable "secret_generation" {
  description = "Increment to rewrite the secret, with a new SECRET_KEY and password: all users are logged out."
  type        = number
  default     = 1

  validation {
    condition     = var.secret_generation >= 1 && floor(var.secret_generation) == var.secret_generation
    error_message = "A whole number from 1."
  }
}

variable "secret_recovery_days" {
  description = "How many days a deleted secret can be restored, and its name is reserved; 0: it is deleted at once."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "0, or from 7 to 30."
  }
}

# Registry and deployment.

variable "ecr_repository_arn" {
  description = "The ECR repository of the image, for permission to pull from it. None: the image is public."
  type        = string
  default     = null

  validation {
    condition     = var.ecr_repository_arn != null || !can(regex("\\.dkr\\.ecr\\.", var.image))
    error_message = "An image in ECR needs ecr_repository_arn."
  }
}

variable "github_repository" {
  description = "OWNER/REPOSITORY whose workflows may roll out, with OIDC instead of keys. None: no such role."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "OWNER/REPOSITORY."
  }
}

variable "github_environment" {
  description = "The environment of that repository whose jobs get the role."
  type        = string
  default     = "production"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.github_environment))
    error_message = "Letters, digits, hyphens, dots and underscores; no asterisk."
  }
}

variable "github_oidc_provider_arn" {
  description = "GitHub's OIDC provider, at most one per account. None: it is created here."
  type        = string
  default     = null
}

# Logs and alarms.

variable "log_days" {
  description = "How many days CloudWatch keeps the logs of the server and the database."
  type        = number
  default     = 90

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_days)
    error_message = "One of the numbers that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "access_log_days" {
  description = "How many days the log bucket keeps the access logs of load balancer and bucket, and the VPC flow logs."
  type        = number
  default     = 90

  validation {
    condition     = var.access_log_days >= 1
    error_message = "At least one day."
  }
}

variable "alarm_emails" {
  description = "Recipients of alarms; each must confirm AWS's e-mail. None: subscribe something else to the topic."
  type        = list(string)
  default     = []
}

variable "alarm_5xx_percent" {
  description = "The percentage of 5xx responses, of at least 50 requests in five minutes, above which an alarm fires."
  type        = number
  default     = 1

  validation {
    condition     = var.alarm_5xx_percent > 0 && var.alarm_5xx_percent < 100
    error_message = "More than 0, less than 100."
  }
}

variable "alarm_latency_seconds" {
  description = "The 99th percentile of response times above which an alarm fires. Uploads by form count."
  type        = number
  default     = 5

  validation {
    condition     = var.alarm_latency_seconds > 0
    error_message = "More than 0."
  }
}

variable "alarm_errors" {
  description = "The number of ERROR lines in five minutes from which an alarm fires."
  type        = number
  default     = 5

  validation {
    condition     = var.alarm_errors >= 1
    error_message = "At least 1."
  }
}

variable "monthly_budget_usd" {
  description = "The account's monthly budget; alarm_emails are notified at 80 %, and if the forecast exceeds it. None: no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || length(var.alarm_emails) > 0
    error_message = "A budget tells alarm_emails, of which there are none."
  }
}
