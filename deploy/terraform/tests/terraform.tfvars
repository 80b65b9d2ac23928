# Defaults for all tests.
region      = "eu-central-1"
domain_name = "drive.example.com"
zone_id     = "Z0123456789"
image       = "docker.io/example/clouddrive:1.0.0"

# Terraform 1.11 cannot test with an unset ephemeral variable. Unused with RDS.
database_url = "postgres://ann:hush@db.example.com/drive?sslmode=require"
