"""Gets temporary keys with the official SDK's providers, and calls with them. Prints one JSON line per step.

Arguments: endpoint, id and key, then the provider of identities, the file with the token, and the role.
"""

import functools
import json
import os
import sys

from tencentcloud.clb.v20180317 import clb_client, models
from tencentcloud.common import credential
from tencentcloud.common.profile.http_profile import HttpProfile

from connection import ENDPOINT, REGION, profile

PROVIDER, TOKEN_FILE, ROLE = sys.argv[4:]


def quotas(keys):
    client = clb_client.ClbClient(keys, REGION, profile())
    return len(client.DescribeQuota(models.DescribeQuotaRequest()).QuotaSet)


def main():
    os.environ.update({
        "TKE_REGION": REGION,
        "TKE_PROVIDER_ID": PROVIDER,
        "TKE_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
        "TKE_ROLE_ARN": ROLE,
    })
    # The provider makes a profile of its own, which says https.
    credential.HttpProfile = functools.partial(HttpProfile, protocol="http")
    of_pod = credential.DefaultTkeOIDCRoleArnProvider().get_credential()
    of_pod.endpoint = ENDPOINT
    print(json.dumps({"step": "role of a Pod", "found": quotas(of_pod) > 0}), flush=True)
    of_machine = credential.CVMRoleCredential()
    of_machine._role_endpoint = f"http://{ENDPOINT}/latest/meta-data/cam/security-credentials/"
    print(json.dumps({"step": "role of a machine", "found": quotas(of_machine) > 0}), flush=True)


main()
