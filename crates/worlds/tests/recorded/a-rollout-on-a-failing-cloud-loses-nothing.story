Seed 1
1. 0.030 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.030 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 4.940 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 7.650 s: A user applies the Deployment web with 8 replicas.	{"workload":{"name":"web","app":"web","replicas":8,"revision":1,"surge":2,"unavailable":0,"grace":42,"preStop":12,"gate":true,"broken":false}}
5. 13.240 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 34.000 s: The next 1 calls of DescribeTargetHealth meet Error { code: "RequestLimitExceeded", message: "injected" }.	{"fault":{"calls":{"action":"DescribeTargetHealth","count":1,"effect":{"error":{"code":"RequestLimitExceeded","message":"injected"}}}}}
7. 34.000 s: The next 1 calls of DescribeTargets meet HttpStatus { status: 502, done: false }.	{"fault":{"calls":{"action":"DescribeTargets","count":1,"effect":{"httpStatus":{"status":502,"done":false}}}}}
8. 34.000 s: The next 1 calls of DescribeTaskStatus meet LostReply.	{"fault":{"calls":{"action":"DescribeTaskStatus","count":1,"effect":"lostReply"}}}
9. 34.000 s: The next 1 calls of BatchRegisterTargets meet Error { code: "FailedOperation.ResourceInOperating", message: "injected" }.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":{"error":{"code":"FailedOperation.ResourceInOperating","message":"injected"}}}}}
10. 34.000 s: The next 1 calls of BatchRegisterTargets meet LostReply.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":"lostReply"}}}
11. 34.000 s: The next 1 calls of BatchRegisterTargets meet Error { code: "RequestLimitExceeded", message: "injected" }.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":{"error":{"code":"RequestLimitExceeded","message":"injected"}}}}}
12. 34.000 s: The next 1 calls of BatchRegisterTargets meet LostRequest.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":"lostRequest"}}}
13. 34.000 s: The next 1 calls of BatchModifyTargetWeight meet Error { code: "FailedOperation.ResourceInOperating", message: "injected" }.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":{"error":{"code":"FailedOperation.ResourceInOperating","message":"injected"}}}}}
14. 34.000 s: The next 1 calls of BatchModifyTargetWeight meet LostReply.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":"lostReply"}}}
15. 34.000 s: The next 1 calls of BatchModifyTargetWeight meet Error { code: "RequestLimitExceeded", message: "injected" }.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":{"error":{"code":"RequestLimitExceeded","message":"injected"}}}}}
16. 34.000 s: The next 1 calls of BatchModifyTargetWeight meet LostRequest.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":"lostRequest"}}}
17. 34.000 s: The next 1 calls of BatchDeregisterTargets meet Error { code: "FailedOperation.ResourceInOperating", message: "injected" }.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":{"error":{"code":"FailedOperation.ResourceInOperating","message":"injected"}}}}}
18. 34.000 s: The next 1 calls of BatchDeregisterTargets meet LostReply.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":"lostReply"}}}
19. 34.000 s: The next 1 calls of BatchDeregisterTargets meet Error { code: "RequestLimitExceeded", message: "injected" }.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":{"error":{"code":"RequestLimitExceeded","message":"injected"}}}}}
20. 34.000 s: The next 1 calls of BatchDeregisterTargets meet LostRequest.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":"lostRequest"}}}
21. 37.070 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
22. 277.450 s: Calls of the cloud fail no more.	{"fault":"mended"}
