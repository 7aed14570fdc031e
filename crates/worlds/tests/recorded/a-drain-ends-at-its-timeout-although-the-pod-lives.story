Seed 1
1. 0.000 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.000 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 3.410 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 6.960 s: A user applies the Deployment first with 1 replicas.	{"workload":{"name":"first","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":5,"gate":true,"broken":false}}
5. 9.550 s: A user applies the Deployment second with 1 replicas.	{"workload":{"name":"second","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":5,"gate":true,"broken":false}}
6. 11.250 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":3},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
7. 22.520 s: A user deletes the Deployment first.	{"deleteWorkload":"first"}
