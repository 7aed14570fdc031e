Seed 1
1. 0.040 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.040 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 0.410 s: The next 18446744073709551615 calls of BatchRegisterTargets meet Error { code: "InternalError", message: "not now" }.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":18446744073709551615,"effect":{"error":{"code":"InternalError","message":"not now"}}}}}
4. 5.410 s: A user applies the DirectAccessBinding second.	{"binding":{"name":"second","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-two"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
5. 11.590 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
6. 15.930 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
7. 20.260 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
8. 40.900 s: Calls of the cloud fail no more.	{"fault":"mended"}
