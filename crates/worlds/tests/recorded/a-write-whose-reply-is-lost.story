Seed 1
1. 0.110 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.110 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 9.910 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 11.300 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 11.350 s: The next 1 calls of CreateListener meet LostReply.	{"fault":{"calls":{"action":"CreateListener","count":1,"effect":"lostReply"}}}
6. 11.350 s: The next 1 calls of BatchRegisterTargets meet LostReply.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":1,"effect":"lostReply"}}}
7. 18.000 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
8. 31.450 s: The next 1 calls of BatchModifyTargetWeight meet LostReply.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":1,"effect":"lostReply"}}}
9. 31.450 s: The next 1 calls of BatchDeregisterTargets meet LostReply.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":1,"effect":"lostReply"}}}
10. 31.450 s: The next 1 calls of DeleteLoadBalancerListeners meet LostReply.	{"fault":{"calls":{"action":"DeleteLoadBalancerListeners","count":1,"effect":"lostReply"}}}
11. 33.960 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
