# A VPC over two zones: public subnets for the load balancer (and NAT), private ones for instances, isolated ones for the
# database. Permitted traffic: only internet → load balancer → API → database.

data "aws_availability_zones" "available" {
  state = "available"

  # No local zones, which lack some of the services used.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = length(var.availability_zones) == 2 ? var.availability_zones : slice(data.aws_availability_zones.available.names, 0, 2)

  # Six sixteenths of the VPC are used; the rest is free.
  public_cidrs   = [cidrsubnet(var.vpc_cidr, 4, 0), cidrsubnet(var.vpc_cidr, 4, 1)]
  private_cidrs  = [cidrsubnet(var.vpc_cidr, 4, 2), cidrsubnet(var.vpc_cidr, 4, 3)]
  isolated_cidrs = [cidrsubnet(var.vpc_cidr, 4, 4), cidrsubnet(var.vpc_cidr, 4, 5)]

  api_port      = 8000
  metrics_port  = 9464
  database_port = 5432
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# The default security group allows nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.this.id
  availability_zone       = local.zones[count.index]
  cidr_block              = local.public_cidrs[count.index]
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-public-${local.zones[count.index]}" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = local.private_cidrs[count.index]
  tags              = { Name = "${var.name}-private-${local.zones[count.index]}" }
}

resource "aws_subnet" "isolated" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = local.isolated_cidrs[count.index]
  tags              = { Name = "${var.name}-isolated-${local.zones[count.index]}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  count  = var.nat_gateways
  domain = "vpc"
  tags   = { Name = "${var.name}-nat-${local.zones[count.index]}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = var.nat_gateways
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = { Name = "${var.name}-${local.zones[count.index]}" }
}

resource "aws_route_table" "private" {
  count  = 2
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private-${local.zones[count.index]}" }
}

resource "aws_route" "nat" {
  count                  = var.nat_gateways > 0 ? 2 : 0
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  # One gateway serves both zones.
  nat_gateway_id = aws_nat_gateway.this[count.index % var.nat_gateways].id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

# No route to the outside.
resource "aws_route_table" "isolated" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-isolated" }
}

resource "aws_route_table_association" "isolated" {
  count          = 2
  subnet_id      = aws_subnet.isolated[count.index].id
  route_table_id = aws_route_table.isolated.id
}

# Free; bytes of uploads by form go this way, avoiding NAT and its price per gigabyte.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = aws_route_table.private[*].id
  tags              = { Name = "${var.name}-s3" }
}

# All services that an instance calls, if there is no NAT. Amazon Linux packages and ECR image layers come from S3.
resource "aws_vpc_endpoint" "service" {
  for_each = toset(var.nat_gateways > 0 ? [] : [
    "autoscaling", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages",
  ])

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = aws_security_group.endpoints[*].id
  tags                = { Name = "${var.name}-${each.key}" }
}

resource "aws_flow_log" "this" {
  count                = var.flow_logs == "off" ? 0 : 1
  vpc_id               = aws_vpc.this.id
  traffic_type         = var.flow_logs
  log_destination_type = "s3"
  log_destination      = aws_s3_bucket.logs.arn
  tags                 = { Name = var.name }

  depends_on = [aws_s3_bucket_policy.logs]
}

# The load balancer: from allowed_cidrs, only to the API.

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "The load balancer: HTTPS, and HTTP for the redirect, from clients"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each          = toset(var.allowed_cidrs)
  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTPS from clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  for_each          = toset(var.allowed_cidrs)
  security_group_id = aws_security_group.load_balancer.id
  description       = "HTTP from clients, which are sent on to HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_api" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Requests and health checks"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

# The API: only from the load balancer. There is no SSH; access is by Session Manager, which the instance calls.

resource "aws_security_group" "api" {
  name        = "${var.name}-api"
  description = "Instances: requests from the load balancer"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api_from_load_balancer" {
  security_group_id            = aws_security_group.api.id
  description                  = "Requests and health checks"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  for_each                     = toset(var.metrics_security_groups)
  security_group_id            = aws_security_group.api.id
  description                  = "Metrics, for a scraper"
  referenced_security_group_id = each.key
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
}

# With NAT: AWS services, the image registry and S3 have no fixed addresses, so only the port is restricted.
resource "aws_vpc_security_group_egress_rule" "api_to_services" {
  count             = var.nat_gateways > 0 ? 1 : 0
  security_group_id = aws_security_group.api.id
  description       = "HTTPS to AWS and to the registry"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Without: the endpoints, and S3.
resource "aws_vpc_security_group_egress_rule" "api_to_endpoints" {
  count                        = var.nat_gateways > 0 ? 0 : 1
  security_group_id            = aws_security_group.api.id
  description                  = "HTTPS to the endpoints of AWS services"
  referenced_security_group_id = aws_security_group.endpoints[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "api_to_s3" {
  count             = var.nat_gateways > 0 ? 0 : 1
  security_group_id = aws_security_group.api.id
  description       = "HTTPS to S3"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "api_to_database" {
  count                        = local.rds ? 1 : 0
  security_group_id            = aws_security_group.api.id
  description                  = "PostgreSQL"
  referenced_security_group_id = aws_security_group.database[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
}

resource "aws_vpc_security_group_egress_rule" "api_to_external_database" {
  for_each          = toset(local.rds ? [] : var.external_database.cidrs)
  security_group_id = aws_security_group.api.id
  description       = "PostgreSQL elsewhere"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = var.external_database.port
  to_port           = var.external_database.port
}

resource "aws_vpc_security_group_egress_rule" "api_to_otlp" {
  count             = var.otlp == null ? 0 : 1
  security_group_id = aws_security_group.api.id
  description       = "Traces"
  cidr_ipv4         = var.otlp.cidr
  ip_protocol       = "tcp"
  from_port         = var.otlp.port
  to_port           = var.otlp.port
}

# The database: only from the API; no outgoing traffic.

resource "aws_security_group" "database" {
  count       = local.rds ? 1 : 0
  name        = "${var.name}-database"
  description = "The database: PostgreSQL from instances"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "database_from_api" {
  count                        = local.rds ? 1 : 0
  security_group_id            = aws_security_group.database[0].id
  description                  = "PostgreSQL from instances"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = local.database_port
  to_port                      = local.database_port
}

resource "aws_security_group" "endpoints" {
  count       = var.nat_gateways > 0 ? 0 : 1
  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS services: HTTPS from instances"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_api" {
  count                        = var.nat_gateways > 0 ? 0 : 1
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS from instances"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
