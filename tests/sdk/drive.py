"""Drives a CLB endpoint with the official SDK and prints one JSON line per step: the step's name and what it found."""

import json
import sys
import time

from tencentcloud.clb.v20180317 import models
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from connection import client, client_of

LOAD_BALANCER, POD_IP, POD_PORT = sys.argv[4:]
DEADLINE_SECONDS = 30

CLB = client()


def once(action, parameters, clb=CLB):
    """Makes a call through the SDK's own request and response classes."""
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(parameters))
    return getattr(clb, action)(request)


def call(action, parameters, clb=CLB):
    """Makes a call, again and again while its load balancer is locked."""
    until = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return once(action, parameters, clb)
        except TencentCloudSDKException as error:
            # A load balancer may stay locked for a moment after a task has ended.
            if error.get_code() != "FailedOperation.ResourceInOperating" or time.monotonic() > until:
                raise
            time.sleep(0.1)


def refused(action, parameters, clb=CLB, make=call):
    """The code and the request id of a call that must fail."""
    try:
        make(action, parameters, clb)
    except TencentCloudSDKException as error:
        return {"code": error.get_code(), "message": error.get_message(), "hasRequestId": bool(error.get_request_id())}
    return {"code": None}


def poll(what, check):
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        found = check()
        if found is not None:
            return found
        time.sleep(0.1)
    raise TimeoutError("waited too long for " + what)


def ended(reply):
    """The statuses that a task went through."""
    seen = []

    def check():
        status = call("DescribeTaskStatus", {"TaskId": reply.RequestId}).Status
        if status not in seen:
            seen.append(status)
        return None if status == 2 else seen

    return poll("a task", check)


def say(step, found):
    print(json.dumps({"step": step, "found": found}), flush=True)


def main():
    here = {"LoadBalancerId": LOAD_BALANCER}
    found = call("DescribeLoadBalancers", {"LoadBalancerIds": [LOAD_BALANCER]})
    one = found.LoadBalancerSet[0]
    say("load balancers", {"count": found.TotalCount, "id": one.LoadBalancerId, "status": one.Status,
                           "vips": one.LoadBalancerVips})

    quotas = {quota.QuotaId: quota.QuotaLimit for quota in call("DescribeQuota", {}).QuotaSet}
    say("quotas", quotas["TOTAL_TARGET_BIND_QUOTA"])

    caller = client_of("sts", "2018-08-13").call_json("GetCallerIdentity", {})["Response"]
    say("caller", [caller["AccountId"], caller["Type"]])

    created = call("CreateListener", {**here, "Ports": [8080], "Protocol": "TCP", "ListenerNames": ["sdk"],
                                      "SnatEnable": True, "RescheduleUnhealthy": True})
    say("busy", refused("CreateListener", {**here, "Ports": [8081], "Protocol": "TCP"}, make=once))
    say("create listener", {"ids": len(created.ListenerIds), "task": ended(created)})
    listener = created.ListenerIds[0]
    shown = call("DescribeListeners", here).Listeners
    say("listeners", [[l.ListenerId == listener, l.ListenerName, l.Protocol, l.Port, l.HealthCheck.CheckType,
                         l.AttrFlags]
                      for l in shown])

    target = {"EniIp": POD_IP, "Port": int(POD_PORT), "Weight": 20, "Tag": "sdk"}
    registered = call("RegisterTargets", {**here, "ListenerId": listener, "Targets": [target]})
    say("register", ended(registered))
    shown = call("DescribeTargets", {**here, "ListenerIds": [listener]}).Listeners[0]
    say("targets", [[t.PrivateIpAddresses, t.Port, t.Weight, t.Tag] for t in shown.Targets])

    def alive():
        health = call("DescribeTargetHealth", {"LoadBalancerIds": [LOAD_BALANCER]})
        reported = health.LoadBalancers[0].Listeners[0].Rules[0].Targets[0]
        return [reported.IP, reported.HealthStatusDetail] if reported.HealthStatus else None

    say("health", poll("a healthy target", alive))

    batch = call("BatchDeregisterTargets", {**here, "Targets": [{"ListenerId": listener, "EniIp": POD_IP,
                                                                 "Port": int(POD_PORT)}]})
    say("batch deregister", batch.FailListenerIdSet)
    say("deregister again", refused("DeregisterTargets", {**here, "ListenerId": listener, "Targets": [target]}))

    say("wrong key", refused("DescribeLoadBalancers", {}, client("not-the-key")))
    say("unknown load balancer", refused("DescribeListeners", {"LoadBalancerId": "lb-unknown"}))


main()
