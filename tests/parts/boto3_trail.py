"""Reads events of the sandbox's CloudTrail with boto3. Prints them as JSON, newest first.

The credentials in the environment are those of an administrator of access.
"""

import json

import boto3
from botocore.exceptions import ClientError

ID = "k7q3m5xw2p4a"

sts, iam, trail = boto3.client("sts"), boto3.client("iam"), boto3.client("cloudtrail")
sts.assume_role(
    RoleArn="arn:aws:iam::111122223333:role/Granted",
    RoleSessionName=f"grace@example.com+{ID}",
    Tags=[{"Key": "TempaccessGrant", "Value": ID}],
    TransitiveTagKeys=["TempaccessGrant"],
    SourceIdentity="ada@example.com",
    DurationSeconds=900,
)
try:
    iam.put_role_policy(RoleName="ReadOnly", PolicyName="x", PolicyDocument="{}")
except ClientError:
    pass
pages = trail.get_paginator("lookup_events").paginate(
    LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "ada@example.com"}],
    PaginationConfig={"PageSize": 1},
)
listed = [event for page in pages for event in page["Events"]]
seen = [
    {
        "name": event["EventName"],
        "read_only": event["ReadOnly"],
        "source": event["EventSource"],
        "user": event["Username"],
        "time": event["EventTime"].isoformat(),
        "resources": [[resource["ResourceType"], resource["ResourceName"]] for resource in event["Resources"]],
        "error": json.loads(event["CloudTrailEvent"]).get("errorCode"),
    }
    for event in listed
]
print(json.dumps(seen))
