# Permitted traffic.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "internet_to_load_balancer_to_api_to_database" {
  assert {
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.https), values(aws_vpc_security_group_ingress_rule.http)) :
      rule.security_group_id == aws_security_group.load_balancer.id && rule.cidr_ipv4 == "0.0.0.0/0" && rule.ip_protocol == "tcp"
    ])
    error_message = "The internet reaches the load balancer."
  }

  assert {
    condition = (
      [for rule in values(aws_vpc_security_group_ingress_rule.https) : [rule.from_port, rule.to_port]] == [[443, 443]] &&
      [for rule in values(aws_vpc_security_group_ingress_rule.http) : [rule.from_port, rule.to_port]] == [[80, 80]]
    )
    error_message = "It reaches it on 443 and 80 alone."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.load_balancer_to_api.security_group_id == aws_security_group.load_balancer.id &&
      aws_vpc_security_group_egress_rule.load_balancer_to_api.referenced_security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_egress_rule.load_balancer_to_api.cidr_ipv4 == null &&
      aws_vpc_security_group_egress_rule.load_balancer_to_api.from_port == 8000 &&
      aws_vpc_security_group_egress_rule.load_balancer_to_api.to_port == 8000
    )
    error_message = "The load balancer reaches port 8000 of instances, and nothing else."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.referenced_security_group_id == aws_security_group.load_balancer.id &&
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.cidr_ipv4 == null &&
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.ip_protocol == "tcp" &&
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.from_port == 8000 &&
      aws_vpc_security_group_ingress_rule.api_from_load_balancer.to_port == 8000
    )
    error_message = "Port 8000 of instances takes the load balancer alone."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.metrics) == 0
    error_message = "The metrics are reachable only from the given networks."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.api_to_database[0].security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_egress_rule.api_to_database[0].referenced_security_group_id == aws_security_group.database[0].id &&
      aws_vpc_security_group_egress_rule.api_to_database[0].from_port == 5432 &&
      aws_vpc_security_group_egress_rule.api_to_database[0].to_port == 5432
    )
    error_message = "Instances reach port 5432 of the database."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.api_to_services[0].security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_egress_rule.api_to_services[0].from_port == 443 &&
      aws_vpc_security_group_egress_rule.api_to_services[0].to_port == 443 &&
      length(aws_vpc_security_group_egress_rule.api_to_otlp) == 0 &&
      length(aws_vpc_security_group_egress_rule.api_to_external_database) == 0
    )
    error_message = "Out of the VPC instances reach port 443 alone."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.database_from_api[0].security_group_id == aws_security_group.database[0].id &&
      aws_vpc_security_group_ingress_rule.database_from_api[0].referenced_security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_ingress_rule.database_from_api[0].cidr_ipv4 == null &&
      aws_vpc_security_group_ingress_rule.database_from_api[0].ip_protocol == "tcp" &&
      aws_vpc_security_group_ingress_rule.database_from_api[0].from_port == 5432 &&
      aws_vpc_security_group_ingress_rule.database_from_api[0].to_port == 5432
    )
    error_message = "Port 5432 of the database takes instances alone."
  }

  assert {
    condition = (
      length(distinct([aws_security_group.load_balancer.id, aws_security_group.api.id, aws_security_group.database[0].id])) == 3 &&
      aws_lb.this.security_groups == toset([aws_security_group.load_balancer.id]) &&
      aws_launch_template.api.vpc_security_group_ids == toset([aws_security_group.api.id]) &&
      aws_db_instance.this[0].vpc_security_group_ids == toset([aws_security_group.database[0].id])
    )
    error_message = "Each wears its own group, and no other."
  }
}

run "each_in_its_subnets" {
  assert {
    condition     = [for subnet in aws_subnet.public : subnet.availability_zone] == ["eu-central-1a", "eu-central-1b"]
    error_message = "There are two zones."
  }

  assert {
    condition = (
      toset(aws_lb.this.subnets) == toset(aws_subnet.public[*].id) &&
      toset(aws_autoscaling_group.api.vpc_zone_identifier) == toset(aws_subnet.private[*].id) &&
      toset(aws_db_subnet_group.this[0].subnet_ids) == toset(aws_subnet.isolated[*].id)
    )
    error_message = "The load balancer is public, instances are private, the database is isolated."
  }

  assert {
    condition = (
      length(distinct([
        for subnet in concat(aws_subnet.public, aws_subnet.private, aws_subnet.isolated) : subnet.cidr_block
      ])) == 6 &&
      !anytrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch])
    )
    error_message = "Six subnets; none hands out public addresses."
  }

  assert {
    condition = (
      [for route in aws_route.nat : route.route_table_id] == aws_route_table.private[*].id &&
      aws_route.internet.route_table_id == aws_route_table.public.id &&
      alltrue([for association in aws_route_table_association.isolated : association.route_table_id == aws_route_table.isolated.id])
    )
    error_message = "Private subnets go out by NAT, public ones by the gateway, isolated ones not at all."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_vpc_endpoint.service) == 0
    error_message = "One NAT gateway, and no endpoints that cost."
  }

  assert {
    condition = (
      aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3" &&
      aws_vpc_endpoint.s3.route_table_ids == toset(aws_route_table.private[*].id)
    )
    error_message = "The way to S3 is the gateway endpoint."
  }

  assert {
    condition = (
      aws_flow_log.this[0].traffic_type == "REJECT" && aws_flow_log.this[0].log_destination == aws_s3_bucket.logs.arn
    )
    error_message = "What is rejected is logged."
  }
}

run "a_gateway_for_each_zone" {
  variables {
    nat_gateways = 2
  }

  assert {
    condition = (
      [for route in aws_route.nat : route.nat_gateway_id] == aws_nat_gateway.this[*].id && length(aws_nat_gateway.this) == 2
    )
    error_message = "Each zone goes out by its own."
  }
}

run "without_nat" {
  variables {
    nat_gateways       = 0
    image              = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/clouddrive:1.0.0"
    ecr_repository_arn = "arn:aws:ecr:eu-central-1:111122223333:repository/clouddrive"
    database_ca_bundle = "s3://example-certificates/rds/eu-central-1.pem"
  }

  assert {
    condition = (
      length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0 &&
      length(aws_vpc_security_group_egress_rule.api_to_services) == 0
    )
    error_message = "No way leads from instances into the internet."
  }

  assert {
    condition = keys(aws_vpc_endpoint.service) == [
      "autoscaling", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages",
    ]
    error_message = "Every service that an instance calls has an endpoint."
  }

  assert {
    condition = alltrue([
      for endpoint in values(aws_vpc_endpoint.service) :
      endpoint.private_dns_enabled && endpoint.security_group_ids == toset([aws_security_group.endpoints[0].id])
    ])
    error_message = "Endpoints answer by the usual names, and wear their group."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.endpoints_from_api[0].referenced_security_group_id == aws_security_group.api.id &&
      aws_vpc_security_group_ingress_rule.endpoints_from_api[0].from_port == 443 &&
      aws_vpc_security_group_ingress_rule.endpoints_from_api[0].cidr_ipv4 == null &&
      aws_vpc_security_group_egress_rule.api_to_endpoints[0].referenced_security_group_id == aws_security_group.endpoints[0].id &&
      aws_vpc_security_group_egress_rule.api_to_s3[0].prefix_list_id == aws_vpc_endpoint.s3.prefix_list_id
    )
    error_message = "Instances reach the endpoints and S3, and nothing else reaches the endpoints."
  }
}

run "those_who_are_let_in_besides" {
  variables {
    allowed_cidrs           = ["203.0.113.0/24", "198.51.100.7/32"]
    metrics_security_groups = ["sg-0123456789abcdef0"]
    otlp                    = { endpoint = "http://10.40.200.5:4318", cidr = "10.40.200.5/32", port = 4318 }
    flow_logs               = "off"
  }

  assert {
    condition = (
      keys(aws_vpc_security_group_ingress_rule.https) == ["198.51.100.7/32", "203.0.113.0/24"] &&
      keys(aws_vpc_security_group_ingress_rule.http) == ["198.51.100.7/32", "203.0.113.0/24"]
    )
    error_message = "Only these call the API."
  }

  assert {
    condition = alltrue([
      for rule in values(aws_vpc_security_group_ingress_rule.metrics) :
      rule.referenced_security_group_id == "sg-0123456789abcdef0" && rule.cidr_ipv4 == null && rule.from_port == 9464 &&
      rule.to_port == 9464 && rule.security_group_id == aws_security_group.api.id
    ]) && length(aws_vpc_security_group_ingress_rule.metrics) == 1
    error_message = "The scraper's group reaches the metrics."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.api_to_otlp[0].cidr_ipv4 == "10.40.200.5/32" &&
      aws_vpc_security_group_egress_rule.api_to_otlp[0].from_port == 4318
    )
    error_message = "Instances reach the collector of traces."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0
    error_message = "Flow logs can be off."
  }
}
