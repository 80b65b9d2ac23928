# The user data of an instance: boot.sh, with its settings as shell variables in front. It needs no provider.

terraform {
  required_version = ">= 1.11, < 2.0"
}

variable "settings" {
  description = "What boot.sh wants to know; it says what that is at its beginning."
  type        = map(string)
}

variable "environment" {
  description = "The variables of the container. No secrets: user data can be read."
  type        = map(string)
}

locals {
  # The lines of a docker run --env-file, which are taken literally.
  container = join("\n", [for name, value in var.environment : "${name}=${value}"])
  settings  = merge(var.settings, { CONTAINER_ENVIRONMENT = local.container })
  lines     = [for name, value in local.settings : "${name}='${replace(value, "'", "'\\''")}'"]
}

output "script" {
  description = "The user data."
  value       = join("\n", concat(["#!/bin/bash"], local.lines, ["", file("${path.module}/boot.sh")]))

  precondition {
    condition     = length(base64encode(join("\n", concat(local.lines, [file("${path.module}/boot.sh")])))) < 21000
    error_message = "User data has 16 KiB at the most: shorten the variables of environment."
  }
}
