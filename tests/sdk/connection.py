"""How the official SDK reaches an endpoint of this machine."""

import sys

from tencentcloud.clb.v20180317 import clb_client
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

ENDPOINT, SECRET_ID, SECRET_KEY = sys.argv[1:4]
REGION = "ap-guangzhou"


def profile(**settings):
    http = HttpProfile(protocol="http", endpoint=ENDPOINT, reqTimeout=10)
    built = ClientProfile(httpProfile=http, language="en-US")
    for name, value in settings.items():
        setattr(built, name, value)
    return built


def client(secret_key=SECRET_KEY):
    return clb_client.ClbClient(credential.Credential(SECRET_ID, secret_key), REGION, profile())


def client_of(service, version):
    """A client of another service, by the SDK's common part alone."""
    return CommonClient(service, version, credential.Credential(SECRET_ID, SECRET_KEY), REGION, profile())
