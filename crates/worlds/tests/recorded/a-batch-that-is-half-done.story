Seed 1
1. 0.020 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.020 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 5.740 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 7.550 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 7.600 s: The next 1 calls of CreateListener meet FailListeners { listeners: [], message: "some failed" }.	{"fault":{"calls":{"action":"CreateListener","count":1,"effect":{"failListeners":{"listeners":[],"message":"some failed"}}}}}
6. 7.600 s: The next 1 calls of BatchRegisterTargets meet FailListeners { listeners: [], message: "some failed" }.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":{"failListeners":{"listeners":[],"message":"some failed"}}}}}
7. 10.940 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
8. 20.630 s: The next 1 calls of BatchModifyTargetWeight meet FailListeners { listeners: [], message: "some failed" }.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":{"failListeners":{"listeners":[],"message":"some failed"}}}}}
9. 20.630 s: The next 1 calls of BatchDeregisterTargets meet FailListeners { listeners: [], message: "some failed" }.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":{"failListeners":{"listeners":[],"message":"some failed"}}}}}
10. 20.630 s: The next 1 calls of DeleteLoadBalancerListeners meet FailListeners { listeners: [], message: "some failed" }.	{"fault":{"calls":{"action":"DeleteLoadBalancerListeners","count":1,"effect":{"failListeners":{"listeners":[],"message":"some failed"}}}}}
11. 21.880 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
