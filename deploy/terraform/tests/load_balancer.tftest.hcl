# The public side, and the load balancer's health check.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "tls_and_readiness" {
  assert {
    condition = (
      aws_lb_listener.https.port == 443 && aws_lb_listener.https.protocol == "HTTPS" &&
      aws_lb_listener.https.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" &&
      aws_lb_listener.https.certificate_arn == aws_acm_certificate_validation.api[0].certificate_arn &&
      aws_lb_listener.https.default_action[0].type == "forward" &&
      aws_lb_listener.https.default_action[0].target_group_arn == aws_lb_target_group.api.arn
    )
    error_message = "HTTPS, by TLS 1.2 or later and the certificate, goes to the API."
  }

  assert {
    condition     = aws_lb_listener.https.routing_http_response_strict_transport_security_header_value == "max-age=31536000"
    error_message = "Clients are told to come by HTTPS alone."
  }

  assert {
    condition = (
      aws_lb_listener.http.port == 80 && aws_lb_listener.http.protocol == "HTTP" &&
      aws_lb_listener.http.default_action[0].type == "redirect" &&
      aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" &&
      aws_lb_listener.http.default_action[0].redirect[0].port == "443" &&
      aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    )
    error_message = "HTTP is sent on to HTTPS, and to nothing else."
  }

  assert {
    condition = (
      aws_lb_target_group.api.port == 8000 && aws_lb_target_group.api.protocol == "HTTP" &&
      aws_lb_target_group.api.health_check[0].path == "/health/ready" &&
      aws_lb_target_group.api.health_check[0].matcher == "200" &&
      aws_lb_target_group.api.health_check[0].port == "traffic-port" &&
      aws_lb_target_group.api.health_check[0].timeout < aws_lb_target_group.api.health_check[0].interval
    )
    error_message = "Who answers 200 at /health/ready gets requests."
  }

  assert {
    condition     = tonumber(aws_lb_target_group.api.deregistration_delay) > var.drain_seconds + var.shutdown_seconds
    error_message = "Requests that run get longer than the server takes to stop."
  }

  assert {
    condition     = aws_lb.this.idle_timeout > 150
    error_message = "S3 may take 150 s for the end of an upload, in silence."
  }

  assert {
    condition = (
      !aws_lb.this.internal && aws_lb.this.drop_invalid_header_fields && aws_lb.this.enable_deletion_protection &&
      aws_lb.this.xff_header_processing_mode == "append"
    )
    error_message = "It is public, drops what is no header, appends to X-Forwarded-For, and is not deleted by mistake."
  }

  assert {
    condition = (
      aws_lb.this.access_logs[0].enabled && aws_lb.this.access_logs[0].bucket == aws_s3_bucket.logs.id &&
      aws_lb.this.access_logs[0].prefix == "alb"
    )
    error_message = "Who called is logged."
  }

  assert {
    condition = (
      aws_acm_certificate.api[0].domain_name == "drive.example.com" && aws_acm_certificate.api[0].validation_method == "DNS" &&
      aws_route53_record.validation[0].name == "_x.drive.example.com." &&
      aws_route53_record.validation[0].zone_id == "Z0123456789" &&
      aws_route53_record.api[0].name == "drive.example.com" && aws_route53_record.api[0].alias[0].name == aws_lb.this.dns_name
    )
    error_message = "The certificate is made and validated, and the domain leads here."
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.this) == 0
    error_message = "No web ACL unless told."
  }
}

run "a_certificate_and_a_zone_of_ones_own" {
  variables {
    zone_id             = null
    certificate_arn     = "arn:aws:acm:eu-central-1:111122223333:certificate/mine"
    web_acl_arn         = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/a/b"
    deletion_protection = false
  }

  assert {
    condition     = aws_lb_listener.https.certificate_arn == "arn:aws:acm:eu-central-1:111122223333:certificate/mine"
    error_message = "The certificate is the one that was named."
  }

  assert {
    condition     = length(aws_acm_certificate.api) + length(aws_route53_record.validation) + length(aws_route53_record.api) == 0
    error_message = "No certificate and no record is made."
  }

  assert {
    condition     = aws_wafv2_web_acl_association.this[0].resource_arn == aws_lb.this.arn
    error_message = "The web ACL stands before the load balancer."
  }

  assert {
    condition     = !aws_lb.this.enable_deletion_protection && !aws_db_instance.this[0].deletion_protection
    error_message = "Protection against deletion can be lifted."
  }
}
