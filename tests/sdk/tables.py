"""Makes the calls of two tables with the official SDK, and bad requests beside them. Prints one JSON line per step.

Arguments: endpoint, id and key, then the tables: calls that succeed, and bad inputs with their codes. Bad inputs are tried after the
call of the first table that says so.
"""

import json
import sys
import time
import warnings

from tencentcloud.clb.v20180317 import errorcodes, models
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

import connection
from connection import REGION, SECRET_ID, SECRET_KEY, profile

CALLS, REFUSED = sys.argv[4:]
VERSION = "2018-03-17"
BAD_INPUTS_ARE_TRIED_HERE = "bad inputs are tried here"

# The codes that every service of the cloud has; those of CLB are in the SDK.
COMMON_CODES = {
    "AuthFailure.InvalidAuthorization", "AuthFailure.InvalidSecretId", "AuthFailure.MFAFailure",
    "AuthFailure.SecretIdNotFound", "AuthFailure.SignatureExpire", "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure", "AuthFailure.UnauthorizedOperation", "InternalError", "InvalidAction",
    "InvalidParameter", "InvalidParameterValue", "LimitExceeded", "MissingParameter", "NoSuchProduct",
    "NoSuchVersion", "RequestLimitExceeded", "RequestSizeLimitExceeded", "UnauthorizedOperation",
    "UnknownParameter", "UnsupportedOperation", "UnsupportedProtocol", "UnsupportedRegion",
}

# Those of STS, which the SDK of CLB does not have (https://cloud.tencent.com/document/api/1312/73070).
STS_CODES = {
    "InvalidParameter.OverTimeError", "InvalidParameter.WebIdentityTokenError", "ResourceNotFound.RoleNotFound",
}
STS_ACTIONS = {"AssumeRoleWithWebIdentity", "GetCallerIdentity"}

# Those of SSL, which the SDK of CLB does not have either (https://cloud.tencent.com/document/api/400/41682).
SSL_CODES = {
    "FailedOperation.CertificateInvalid", "FailedOperation.CertificateMismatch", "FailedOperation.CertificateNotFound",
    "FailedOperation.RoleNotFoundAuthorization", "InvalidParameter.CertificateIdNumberLimit",
}
SSL_ACTIONS = {"UploadCertificate", "DescribeCertificates", "DeleteCertificate"}

CLB = connection.client()
STS = connection.client_of("sts", "2018-08-13")
SSL = connection.client_of("ssl", "2019-12-05")


def client_for(action):
    """The client of the service that an action is of."""
    return STS if action in STS_ACTIONS else SSL if action in SSL_ACTIONS else CLB


def say(step, found):
    print(json.dumps({"step": step, "found": found}), flush=True)


def filled(value, kept):
    """Parameters with what earlier calls have given in the places that are named for it."""
    if isinstance(value, str) and value.startswith("$"):
        return kept[value]
    if isinstance(value, list):
        return [filled(item, kept) for item in value]
    if isinstance(value, dict) and "$times" in value:
        return [filled(value["$of"], kept)] * value["$times"]
    if isinstance(value, dict):
        return {key: filled(item, kept) for key, item in value.items()}
    return value


def succeed(row, kept):
    """Makes a call through the SDK's own classes, which warn of members that they do not know."""
    action, parameters = row["action"], filled(row.get("parameters", {}), kept)
    if action in STS_ACTIONS | SSL_ACTIONS:
        reply = client_for(action).call_json(action, parameters)["Response"]
    else:
        request = getattr(models, action + "Request")()
        request.from_json_string(json.dumps(parameters))
        reply = json.loads(getattr(CLB, action)(request).to_json_string())
    for name, pointer in row.get("keep", {}).items():
        value = reply
        for part in pointer.split("/")[1:]:
            value = value[int(part) if part.isdigit() else part]
        kept["$" + name] = value


def code_of(make):
    try:
        make()
    except TencentCloudSDKException as error:
        return error.get_code()
    return "none"


class Altered(CommonClient):
    """A client whose requests are changed after they were signed."""

    def __init__(self, alter, settings):
        keys = credential.Credential(SECRET_ID, SECRET_KEY)
        super().__init__("clb", VERSION, keys, REGION, profile(**settings))
        self.alter = alter

    def _build_req_inter(self, action, params, req_inter, options=None):
        super()._build_req_inter(action, params, req_inter, options)
        self.alter(req_inter)


def altered(alter, action="DescribeQuota", **settings):
    return code_of(lambda: Altered(alter, settings).call_json(action, {}))


def by(secret_id=SECRET_ID, secret_key=SECRET_KEY, service="clb", version=VERSION, region=REGION, method="POST", **settings):
    used = profile(**settings)
    used.httpProfile.reqMethod = method
    client = CommonClient(service, version, credential.Credential(secret_id, secret_key), region, used)
    return code_of(lambda: client.call_json("DescribeQuota", {}))


def at(offset):
    """The code of a call whose clock is off by so many seconds."""
    real = time.time
    time.time = lambda: real() + offset
    try:
        return by()
    finally:
        time.time = real


def without(name):
    return altered(lambda request: request.header.pop(name))


def with_header(name, value):
    return altered(lambda request: request.header.__setitem__(name, value))


def with_body(text, action="DescribeQuota"):
    """A body that the signature does not cover."""
    return altered(lambda request: setattr(request, "data", text), action, unsignedPayload=True)


def bad_requests():
    return {
        "a good request": by(),
        "a payload that is not signed": by(unsignedPayload=True),
        "another key": by(secret_key="not-the-key"),
        "another id": by(secret_id="AKIDnobody"),
        "a changed body": altered(lambda request: setattr(request, "data", '{"A":1}')),
        "another media type": with_header("Content-Type", "text/plain"),
        "no signature": without("Authorization"),
        "a malformed signature": with_header("Authorization", "TC3-HMAC-SHA256 nonsense"),
        "a clock that is 290 s slow": at(-290),
        "a clock that is 290 s fast": at(290),
        "a clock that is 310 s slow": at(-310),
        "a clock that is 310 s fast": at(310),
        "a time that is no number": with_header("X-TC-Timestamp", "soon"),
        "no time": without("X-TC-Timestamp"),
        "another region": by(region="ap-nowhere"),
        "no region": without("X-TC-Region"),
        "another version": by(version="2017-03-12"),
        "no version": without("X-TC-Version"),
        "another service": by(service="cvm"),
        "no action": without("X-TC-Action"),
        "GET": by(method="GET"),
        "a body that is no JSON": with_body("no json"),
        "a body that ends early": with_body('{"LoadBalancerId":', "DescribeTargets"),
        "a body that is a text": with_body('"lb-1"', "DescribeTargets"),
    }


def main():
    # The SDK silences its own warnings, which are what says that a reply has a member it does not know.
    warnings.simplefilter("error", UserWarning)
    with open(CALLS, encoding="utf-8") as file:
        calls = json.load(file)
    with open(REFUSED, encoding="utf-8") as file:
        cases = json.load(file)
    kept, refused = {}, {}
    for row in calls:
        succeed(row, kept)
        if row.get("case") == BAD_INPUTS_ARE_TRIED_HERE:
            for case in cases:
                parameters = filled(case["parameters"], kept)
                service = client_for(case["action"])
                refused[case["case"]] = code_of(lambda: service.call_json(case["action"], parameters))
    say("actions", sorted({row["action"] for row in calls}))
    say("bad inputs", refused)
    requests = bad_requests()
    say("bad requests", requests)
    documented = COMMON_CODES | STS_CODES | SSL_CODES | {value for name, value in vars(errorcodes).items() if name.isupper()}
    seen = set(refused.values()) | set(requests.values()) - {"none"}
    say("codes that are not documented", sorted(seen - documented))


main()
