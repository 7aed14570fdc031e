Seed 1
1. 0.000 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.000 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 4.830 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 7.200 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 11.130 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 21.510 s: The next 18446744073709551615 calls of BatchModifyTargetWeight meet Error { code: "UnauthorizedOperation", message: "not allowed" }.	{"fault":{"calls":{"action":"BatchModifyTargetWeight","count":18446744073709551615,"effect":{"error":{"code":"UnauthorizedOperation","message":"not allowed"}}}}}
7. 22.780 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
8. 24.940 s: Calls of the cloud fail no more.	{"fault":"mended"}
