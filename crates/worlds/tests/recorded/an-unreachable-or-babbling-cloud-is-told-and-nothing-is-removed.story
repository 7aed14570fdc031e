Seed 1
1. 0.060 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.060 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 7.240 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 10.430 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 14.210 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 27.540 s: The next 18446744073709551615 calls of the cloud meet HttpStatus { status: 502, done: false }.	{"fault":{"calls":{"count":18446744073709551615,"effect":{"httpStatus":{"status":502,"done":false}}}}}
7. 38.580 s: Calls of the cloud fail no more.	{"fault":"mended"}
8. 65.770 s: The next 18446744073709551615 calls of the cloud meet MalformedBody { body: None }.	{"fault":{"calls":{"count":18446744073709551615,"effect":{"malformedBody":{}}}}}
9. 82.240 s: Calls of the cloud fail no more.	{"fault":"mended"}
10. 107.420 s: The next 18446744073709551615 calls of the cloud meet MalformedBody { body: Some("{\"Response\":{\"RequestId\":\"x\"}}") }.	{"fault":{"calls":{"count":18446744073709551615,"effect":{"malformedBody":{"body":"{\"Response\":{\"RequestId\":\"x\"}}"}}}}}
11. 119.830 s: Calls of the cloud fail no more.	{"fault":"mended"}
12. 148.820 s: The next 18446744073709551615 calls of the cloud meet LostRequest.	{"fault":{"calls":{"count":18446744073709551615,"effect":"lostRequest"}}}
13. 160.470 s: Calls of the cloud fail no more.	{"fault":"mended"}
