"""Hands out, narrows, ends and reads access at the sandbox with boto3. Prints what happened as JSON.

The credentials in the environment are those of an administrator of access.
"""

import json

import boto3
from botocore.exceptions import ClientError

ID = "k7q3m5xw2p4a"
ROLE = "arn:aws:iam::111122223333:role/Granted"
DENY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/TempaccessGrant": ID}},
        }
    ],
}


def code(call, **parameters):
    """Returns the code of the error that a call ends with, and None if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


sts, iam, s3 = boto3.client("sts"), boto3.client("iam"), boto3.client("s3")
seen = {}

role = iam.get_role(RoleName="Granted")["Role"]
seen["sids"] = [statement["Sid"] for statement in role["AssumeRolePolicyDocument"]["Statement"]]
seen["role_id"] = role["RoleId"]
seen["boundary"] = iam.get_role(RoleName="People")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
seen["roles"] = [role["RoleName"] for page in pages for role in page["Roles"]]

issued = sts.assume_role(
    RoleArn=ROLE,
    RoleSessionName=f"grace@example.com+{ID}",
    Tags=[{"Key": "TempaccessGrant", "Value": ID}],
    TransitiveTagKeys=["TempaccessGrant"],
    SourceIdentity="ada@example.com",
    DurationSeconds=900,
)
seen["assumed_role_id"] = issued["AssumedRoleUser"]["AssumedRoleId"]
keys = issued["Credentials"]
grace = boto3.client(
    "s3",
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
)
seen["content"] = grace.get_object(Bucket="ledger", Key="2026/10.csv")["Body"].read().decode()
listing = grace.get_paginator("list_objects_v2").paginate(Bucket="ledger", PaginationConfig={"PageSize": 1})
seen["keys"] = [found["Key"] for page in listing for found in page["Contents"]]
seen["put"] = code(grace.put_object, Bucket="ledger", Key="x", Body=b"x")
seen["missing"] = code(grace.get_object, Bucket="ledger", Key="missing")

name = f"tempaccess-revoked-{ID}=20261125T154000Z"
iam.put_role_policy(RoleName="Granted", PolicyName=name, PolicyDocument=json.dumps(DENY))
seen["read_back"] = iam.get_role_policy(RoleName="Granted", PolicyName=name)["PolicyDocument"] == DENY
seen["ended"] = code(grace.get_object, Bucket="ledger", Key="2026/10.csv")
iam.delete_role_policy(RoleName="Granted", PolicyName=name)
seen["restored"] = code(grace.get_object, Bucket="ledger", Key="2026/10.csv")
seen["policies"] = [
    name for page in iam.get_paginator("list_role_policies").paginate(RoleName="Granted") for name in page["PolicyNames"]
]
seen["attached"] = [
    policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName="Granted")["AttachedPolicies"]
]
seen["gone"] = code(iam.get_role_policy, RoleName="Granted", PolicyName=name)
seen["refused"] = code(iam.put_role_policy, RoleName="ReadOnly", PolicyName="x", PolicyDocument=json.dumps(DENY))

key = f"{ID}/0001 issued+.json"
s3.put_object(Bucket="access-records", Key=key, Body=b"{}", IfNoneMatch="*")
seen["again"] = code(s3.put_object, Bucket="access-records", Key=key, Body=b"{}", IfNoneMatch="*")
seen["record"] = s3.get_object(Bucket="access-records", Key=key)["Body"].read().decode()
seen["size"] = s3.head_object(Bucket="access-records", Key=key)["ContentLength"]
seen["region"] = s3.head_bucket(Bucket="access-records")["BucketRegion"]
seen["nowhere"] = code(s3.list_objects_v2, Bucket="nowhere")
print(json.dumps(seen))
