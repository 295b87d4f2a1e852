terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "metadata_file" {
  description = "The file with the metadata of the identity provider."
  type        = string
}

variable "provider_name" {
  description = "The name of the SAML provider."
  type        = string
  default     = "Company"
}

variable "recipients" {
  description = "The addresses of AWS sign-in that assertions may be meant for."
  type        = list(string)
  default     = ["https://signin.aws.amazon.com/saml"]
}

variable "loopback_recipient" {
  description = "For saml sources: the acs_url of the profiles, such as http://127.0.0.1:35001/saml. Null for none."
  type        = string
  default     = null
}

variable "max_session_seconds" {
  description = "The longest that a session of the role may last."
  type        = number
  default     = 14400

  validation {
    condition     = var.max_session_seconds >= 3600 && var.max_session_seconds <= 43200
    error_message = "It must be between 3600 and 43200."
  }
}

data "aws_partition" "current" {}

resource "aws_iam_saml_provider" "company" {
  name                   = var.provider_name
  saml_metadata_document = file(var.metadata_file)
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "ByAwsSignIn"
    actions = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_saml_provider.company.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "SAML:aud"
      values   = var.recipients
    }
  }

  dynamic "statement" {
    for_each = var.loopback_recipient == null ? [] : [var.loopback_recipient]

    content {
      sid     = "ByLoopback"
      actions = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]

      principals {
        type        = "Federated"
        identifiers = [aws_iam_saml_provider.company.arn]
      }

      # StringLike, since the address may end in `/*`.
      condition {
        test     = "StringLike"
        variable = "SAML:aud"
        values   = [statement.value]
      }
    }
  }
}

resource "aws_iam_role" "read_only" {
  name                 = "ReadOnly"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = var.max_session_seconds
}

resource "aws_iam_role_policy_attachment" "read_only" {
  role       = aws_iam_role.read_only.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/ReadOnlyAccess"
}

output "role_attribute" {
  description = "A value of https://aws.amazon.com/SAML/Attributes/Role that offers the role."
  value       = "${aws_iam_role.read_only.arn},${aws_iam_saml_provider.company.arn}"
}
